import { getAttachment } from "@synergy/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Paperclip, RotateCw, Trash2, X } from "lucide-react";
import { type DragEvent, type MouseEvent, useEffect, useRef, useState } from "react";
import { TimeAgo } from "~/components/time-ago";
import { Button, IconButton } from "~/components/ui/button";
import ConfirmDialog from "~/components/ui/confirm-dialog";
import { ProgressBar, Skeleton } from "~/components/ui/states";
import { toastError } from "~/components/ui/toast";
import { meQuery } from "~/features/identity/queries";
import { projectQuery } from "~/features/projects/queries";
import { mayManage } from "~/features/projects/roles";
import { useDeleteAttachment } from "~/features/tasks/mutations";
import { attachmentsQuery } from "~/features/tasks/queries";
import { cancelUpload, retryUpload, startUploads, type Upload, useUploads } from "~/features/tasks/uploads";
import { answer } from "~/lib/api";
import { formatSize } from "~/lib/format";
import { apiOf } from "~/lib/query";
import type { Attachment, Task } from "~/lib/types";

export function Attachments({ task, isReadOnly }: { task: Task; isReadOnly: boolean }) {
  const client = useQueryClient();
  const { data: files, error, isPending } = useQuery(attachmentsQuery(task.key));
  const { data: project } = useQuery(projectQuery(task.project_id));
  const { data: me } = useQuery(meQuery);
  const { uploads, said } = useUploads(task.key);
  const input = useRef<HTMLInputElement>(null);
  const mayDeleteAll = project ? mayManage(project) : false;
  return (
    <section aria-labelledby="task-attachments">
      <div className="mb-1 flex h-7 items-center gap-2">
        <h3 id="task-attachments" className="font-semibold">
          Attachments
        </h3>
        {files && files.length > 0 && <span className="text-meta text-muted">{files.length}</span>}
        <span className="flex-1" />
        {!isReadOnly && (
          <>
            <Button variant="ghost" onPress={() => input.current?.click()}>
              <Paperclip aria-hidden /> Attach files
            </Button>
            <input
              ref={input}
              type="file"
              multiple
              hidden
              aria-label="Files to attach"
              onChange={(event) => {
                startUploads(client, task.key, event.target.files ?? []);
                // So that the same file can be chosen again.
                event.target.value = "";
              }}
            />
          </>
        )}
      </div>
      {isPending && <Skeleton className="h-7 w-2/3" />}
      {error && !files && <p className="text-danger">The files could not be loaded. {error.message}</p>}
      <ul>
        {uploads.map((upload) => (
          <UploadRow key={upload.id} upload={upload} />
        ))}
        {files?.map((file) => (
          <AttachmentRow
            key={file.id}
            taskKey={task.key}
            file={file}
            mayDelete={!isReadOnly && (mayDeleteAll || file.uploader.id === me?.id)}
          />
        ))}
      </ul>
      {files?.length === 0 && uploads.length === 0 && (
        <p className="text-subtle">{isReadOnly ? "No files." : "Drop files here, or paste them."}</p>
      )}
      <p role="status" className="sr-only">
        {said}
      </p>
    </section>
  );
}

interface AttachmentRowProps {
  taskKey: string;
  file: Attachment;
  mayDelete: boolean;
}

function AttachmentRow({ taskKey, file, mayDelete }: AttachmentRowProps) {
  const client = useQueryClient();
  const { mutate: remove } = useDeleteAttachment(taskKey);
  const [isAsking, setAsking] = useState(false);
  const address = `/api/v1/attachments/${file.id}/content`;

  /** A plain link would end at a page of JSON when the session has to be renewed, or the file is gone. */
  const download = async (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    try {
      await answer(getAttachment({ client: apiOf(client), path: { attachment_id: file.id } }));
      window.location.assign(address);
    } catch (error) {
      toastError("The file was not downloaded.", error);
    }
  };
  return (
    <li className="group/row -mx-2 flex items-start gap-2 rounded-control px-2 hover:bg-hover">
      <div className="min-w-0 flex-1 py-1">
        <a
          href={address}
          download={file.name}
          onClick={download}
          className="rounded-chip [overflow-wrap:anywhere] hover:underline"
        >
          {file.name}
        </a>
        <p className="flex gap-1.5 text-meta text-subtle">
          <span className="whitespace-nowrap">{formatSize(file.size)}</span>
          <span aria-hidden>·</span>
          <span className="truncate">{file.uploader.name}</span>
          <span aria-hidden>·</span>
          <TimeAgo iso={file.created_at} />
        </p>
      </div>
      {mayDelete && (
        <IconButton
          label={`Delete ${file.name}`}
          onPress={() => setAsking(true)}
          className="opacity-0 group-focus-within/row:opacity-100 group-hover/row:opacity-100 touch:opacity-100"
        >
          <Trash2 />
        </IconButton>
      )}
      <ConfirmDialog
        title={`Delete ${file.name}?`}
        action="Delete file"
        isOpen={isAsking}
        onOpenChange={setAsking}
        onConfirm={() => remove(file.id)}
      >
        It goes to the trash and is kept there for 30 days.
      </ConfirmDialog>
    </li>
  );
}

function UploadRow({ upload }: { upload: Upload }) {
  const client = useQueryClient();
  const { id, file, share, error } = upload;
  return (
    <li className="-mx-2 flex items-start gap-2 px-2">
      <div className="min-w-0 flex-1 py-1">
        <p className="text-muted [overflow-wrap:anywhere]">{file.name}</p>
        {error === undefined ? (
          <ProgressBar value={Math.floor(share * 100)} label={`Uploading ${file.name}`} className="mt-1.5 mb-1" />
        ) : (
          <p className="text-meta text-danger">{error}</p>
        )}
      </div>
      {error !== undefined && (
        <IconButton label={`Try ${file.name} again`} onPress={() => retryUpload(client, id)}>
          <RotateCw />
        </IconButton>
      )}
      <IconButton
        label={error === undefined ? `Cancel the upload of ${file.name}` : `Dismiss ${file.name}`}
        onPress={() => cancelUpload(id)}
      >
        <X />
      </IconButton>
    </li>
  );
}

function hasFiles(data: DataTransfer): boolean {
  return data.types.includes("Files");
}

/** Files that are dropped on an element, or pasted anywhere while it is shown, are attached to the task. */
export function useFileDrop(taskKey: string, isReadOnly: boolean) {
  const client = useQueryClient();
  const [isOver, setOver] = useState(false);

  useEffect(() => {
    if (isReadOnly) return;
    const onPaste = (event: ClipboardEvent) => {
      const { clipboardData: data } = event;
      if (event.defaultPrevented || !data?.files.length) return;
      // A word processor puts a picture of the text beside the text.
      if (data.types.includes("text/plain") && data.types.includes("text/html")) return;
      event.preventDefault();
      startUploads(client, taskKey, data.files);
    };
    // Beside the panel the browser would leave the page and open the file.
    const onStray = (event: globalThis.DragEvent) => {
      if (event.defaultPrevented || !event.dataTransfer || !hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "none";
    };
    document.addEventListener("paste", onPaste);
    document.addEventListener("dragover", onStray);
    document.addEventListener("drop", onStray);
    return () => {
      document.removeEventListener("paste", onPaste);
      document.removeEventListener("dragover", onStray);
      document.removeEventListener("drop", onStray);
    };
  }, [client, taskKey, isReadOnly]);

  if (isReadOnly) return { isOver: false, dropProps: {} };
  const dropProps = {
    onDragOver: (event: DragEvent) => {
      if (!hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
      setOver(true);
    },
    onDragLeave: (event: DragEvent) => {
      if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
    },
    onDrop: (event: DragEvent) => {
      setOver(false);
      if (!hasFiles(event.dataTransfer)) return;
      event.preventDefault();
      startUploads(client, taskKey, event.dataTransfer.files);
    },
  };
  return { isOver, dropProps };
}
