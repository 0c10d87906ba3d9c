import { useQuery } from "@tanstack/react-query";
import { MoreHorizontal, Pencil, Trash2 } from "lucide-react";
import { useState } from "react";
import { TimeAgo } from "~/components/time-ago";
import { Avatar } from "~/components/ui/avatar";
import { IconButton } from "~/components/ui/button";
import ConfirmDialog from "~/components/ui/confirm-dialog";
import { Menu, MenuItem, MenuTrigger } from "~/components/ui/menu";
import { Skeleton } from "~/components/ui/states";
import { personOf } from "~/features/identity/person";
import { meQuery } from "~/features/identity/queries";
import { projectQuery } from "~/features/projects/queries";
import { mayManage } from "~/features/projects/roles";
import { MarkdownEditor } from "~/features/tasks/markdown-editor";
import { useAddComment, useChangeComment, useDeleteComment } from "~/features/tasks/mutations";
import { commentsQuery } from "~/features/tasks/queries";
import type { Comment } from "~/lib/types";

const MAX_LENGTH = 20_000;

interface CommentsProps {
  taskKey: string;
  projectId: string;
  isReadOnly: boolean;
}

export function Comments({ taskKey, projectId, isReadOnly }: CommentsProps) {
  const { data: comments, isPending } = useQuery(commentsQuery(taskKey));
  const { data: project } = useQuery(projectQuery(projectId));
  const { data: me } = useQuery(meQuery);
  const add = useAddComment(taskKey);
  return (
    <section aria-labelledby="task-comments" className="flex flex-1 flex-col border-t border-line p-4">
      <h3 id="task-comments" className="mb-3 font-semibold">
        Comments
        {comments && comments.length > 0 && (
          <span className="ms-2 text-meta font-normal text-muted">{comments.length}</span>
        )}
      </h3>
      {isPending && <Skeleton className="h-16 w-full" />}
      <ol className="flex flex-col gap-4">
        {comments?.map((comment) => (
          <CommentItem
            key={comment.id}
            taskKey={taskKey}
            comment={comment}
            isOwn={comment.author.id === me?.id && !isReadOnly}
            mayDelete={!isReadOnly && (comment.author.id === me?.id || (project ? mayManage(project) : false))}
          />
        ))}
      </ol>
      {comments?.length === 0 && isReadOnly && <p className="text-subtle">No comments.</p>}
      {!isReadOnly && (
        <div className="mt-4 flex gap-2.5">
          {me && <Avatar person={personOf(me)} className="mt-1" />}
          <div className="min-w-0 flex-1">
            <MarkdownEditor
              label="Write a comment"
              placeholder="Write a comment. @username mentions somebody."
              action="Comment"
              maxLength={MAX_LENGTH}
              isBusy={add.isPending}
              onSubmit={(body) => add.mutateAsync(body)}
            />
          </div>
        </div>
      )}
    </section>
  );
}

interface CommentItemProps {
  taskKey: string;
  comment: Comment;
  isOwn: boolean;
  mayDelete: boolean;
}

function CommentItem({ taskKey, comment, isOwn, mayDelete }: CommentItemProps) {
  const change = useChangeComment(taskKey);
  const { mutate: remove } = useDeleteComment(taskKey);
  const [isEditing, setEditing] = useState(false);
  const [isAsking, setAsking] = useState(false);
  return (
    <li className="group/comment flex gap-2.5">
      <Avatar person={comment.author} className="mt-0.5" />
      <article className="min-w-0 flex-1">
        <header className="flex h-7 items-center gap-2">
          <span className="truncate font-medium">{comment.author.name}</span>
          <span className="flex gap-1 text-meta text-subtle">
            <TimeAgo iso={comment.created_at} />
            {comment.edited_at && <span>(edited)</span>}
          </span>
          <span className="flex-1" />
          {(isOwn || mayDelete) && (
            <MenuTrigger>
              <IconButton
                label={`Actions for the comment of ${comment.author.name}`}
                className="opacity-0 group-focus-within/comment:opacity-100 group-hover/comment:opacity-100 aria-expanded:opacity-100 touch:opacity-100"
              >
                <MoreHorizontal />
              </IconButton>
              <Menu aria-label="Comment" placement="bottom end" className="min-w-32">
                {isOwn && (
                  <MenuItem id="edit" icon={<Pencil />} onAction={() => setEditing(true)}>
                    Edit
                  </MenuItem>
                )}
                <MenuItem id="delete" icon={<Trash2 />} isDanger onAction={() => setAsking(true)}>
                  Delete
                </MenuItem>
              </Menu>
            </MenuTrigger>
          )}
        </header>
        {isEditing ? (
          <MarkdownEditor
            label="Edit the comment"
            initial={comment.body}
            action="Save"
            maxLength={MAX_LENGTH}
            isBusy={change.isPending}
            onCancel={() => setEditing(false)}
            onSubmit={async (body) => {
              await change.mutateAsync({ id: comment.id, body });
              setEditing(false);
            }}
          />
        ) : (
          // The API renders Markdown and sanitises the result; nothing else is ever put in here.
          // biome-ignore lint/security/noDangerouslySetInnerHtml: see above
          <div className="prose" dangerouslySetInnerHTML={{ __html: comment.body_html }} />
        )}
      </article>
      <ConfirmDialog
        title="Delete this comment?"
        action="Delete comment"
        isOpen={isAsking}
        onOpenChange={setAsking}
        onConfirm={() => remove(comment.id)}
      >
        It goes to the trash and is kept there for 30 days.
      </ConfirmDialog>
    </li>
  );
}
