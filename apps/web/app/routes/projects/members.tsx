import { HydrationBoundary, useSuspenseQuery } from "@tanstack/react-query";
import { Crown, LogOut, Mail, X } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useNavigate } from "react-router";
import { TimeAgo } from "~/components/time-ago";
import { Avatar } from "~/components/ui/avatar";
import { Button, IconButton } from "~/components/ui/button";
import { Select } from "~/components/ui/field";
import { toastDone } from "~/components/ui/toast";
import { meQuery } from "~/features/identity/queries";
import { Invitations } from "~/features/members/invitations";
import { useLeave, useTransfer } from "~/features/members/mutations";
import { useChangeMember, useRemoveMember } from "~/features/projects/mutations";
import { membersQuery, projectQuery } from "~/features/projects/queries";
import { grantableRoles, isOwner, mayManage, ROLE_NAMES } from "~/features/projects/roles";
import { plural } from "~/lib/format";
import { prefetched } from "~/lib/load";
import { loadPage } from "~/lib/server/load.server";
import type { GrantableRole, Member, Project } from "~/lib/types";
import type { Route } from "./+types/members";

const ConfirmDialog = lazy(() => import("~/components/ui/confirm-dialog"));
const InviteDialog = lazy(() => import("~/features/members/invite-dialog"));
const AddMember = lazy(() => import("~/features/members/add-member"));

export function loader(args: Route.LoaderArgs) {
  return loadPage(args, (client) => client.fetchQuery(membersQuery(args.params.projectId)));
}

export function clientLoader({ params, request }: Route.ClientLoaderArgs) {
  return prefetched(request, (client) => client.ensureQueryData(membersQuery(params.projectId)));
}

export default function MembersPage({ loaderData, params }: Route.ComponentProps) {
  return (
    <HydrationBoundary state={loaderData.state}>
      <Members projectId={params.projectId} />
    </HydrationBoundary>
  );
}

function Members({ projectId }: { projectId: string }) {
  const { data: project } = useSuspenseQuery(projectQuery(projectId));
  const { data: members } = useSuspenseQuery(membersQuery(projectId));
  const [isInviting, setInviting] = useState(false);
  return (
    <div className="min-h-0 flex-1 overflow-y-auto p-4 sm:p-6">
      <title>{`${project.name} · Members · SynergyOS`}</title>
      <div className="mx-auto max-w-3xl">
        <div className="mb-3 flex items-center justify-between">
          <h2 className="text-heading font-semibold">{plural(members.length, "member")}</h2>
          {mayManage(project) && (
            <span className="flex gap-2">
              <Button onPress={() => setInviting(true)}>
                <Mail aria-hidden /> Invite
              </Button>
              <Suspense fallback={null}>
                <AddMember project={project} members={members} />
              </Suspense>
              <Suspense fallback={null}>
                {isInviting && <InviteDialog project={project} onClose={() => setInviting(false)} />}
              </Suspense>
            </span>
          )}
        </div>
        <table className="w-full border-separate border-spacing-0 rounded-card border border-line bg-surface text-start">
          <thead>
            <tr className="text-meta text-subtle">
              <th scope="col" className="px-3 py-2 text-start font-medium">
                Person
              </th>
              <th scope="col" className="px-3 py-2 text-start font-medium">
                Role
              </th>
              <th scope="col" className="px-3 py-2 text-start font-medium max-sm:hidden">
                Joined
              </th>
              <th scope="col" className="w-10 px-2 py-2">
                <span className="sr-only">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {members.map((member) => (
              <Row key={member.user.id} project={project} member={member} />
            ))}
          </tbody>
        </table>
        {mayManage(project) && (
          <div className="mt-8">
            <Invitations projectId={projectId} />
          </div>
        )}
      </div>
    </div>
  );
}

function Row({ project, member }: { project: Project; member: Member }) {
  const { data: me } = useSuspenseQuery(meQuery);
  const { mutate: change, isPending } = useChangeMember(project.id);
  const [asking, setAsking] = useState<"remove" | "transfer" | "leave">();
  const { user, role } = member;
  const questions = useQuestions(project, user);
  const question = asking && questions[asking];
  const isMe = user.id === me.id;
  const mayChange = mayManage(project) && role !== "owner" && !isMe;
  const mayTransfer = isOwner(project) && member.is_active && role !== "owner";
  const cell = "border-t border-line px-3 py-2";
  return (
    <tr>
      <td className={cell}>
        <span className="flex items-center gap-3">
          <Avatar person={user} size="md" />
          <span className="min-w-0">
            <span className="block truncate font-medium">
              {user.name} {isMe && <span className="font-normal text-subtle">(you)</span>}
            </span>
            <span className="block truncate text-meta text-subtle">
              {member.is_active ? `@${user.username}` : "Without an account"}
            </span>
          </span>
        </span>
      </td>
      <td className={cell}>
        {mayChange ? (
          <Select
            aria-label={`Role of ${user.name}`}
            value={role}
            disabled={isPending}
            onChange={(event) => change({ userId: user.id, role: event.target.value as GrantableRole })}
          >
            {grantableRoles(project).map((choice) => (
              <option key={choice} value={choice}>
                {ROLE_NAMES[choice]}
              </option>
            ))}
          </Select>
        ) : (
          ROLE_NAMES[role]
        )}
      </td>
      <td className={`${cell} text-muted max-sm:hidden`}>
        <TimeAgo iso={member.joined_at} />
      </td>
      <td className={`${cell} px-2`}>
        <span className="flex justify-end">
          {mayTransfer && (
            <IconButton label={`Make ${user.name} the owner`} onPress={() => setAsking("transfer")}>
              <Crown />
            </IconButton>
          )}
          {mayChange && (
            <IconButton label={`Remove ${user.name}`} onPress={() => setAsking("remove")}>
              <X />
            </IconButton>
          )}
          {isMe && role !== "owner" && (
            <IconButton label="Leave the project" onPress={() => setAsking("leave")}>
              <LogOut />
            </IconButton>
          )}
        </span>
        <Suspense fallback={null}>
          {question && (
            <ConfirmDialog
              title={question.title}
              action={question.action}
              isOpen
              onOpenChange={() => setAsking(undefined)}
              onConfirm={question.confirm}
            >
              {question.text}
            </ConfirmDialog>
          )}
        </Suspense>
      </td>
    </tr>
  );
}

interface Question {
  title: string;
  action: string;
  text: string;
  confirm: () => void;
}

/** What is asked before a membership ends, or before what oneself may do changes. */
function useQuestions(project: Project, user: Member["user"]): Record<"remove" | "transfer" | "leave", Question> {
  const { mutate: remove } = useRemoveMember(project.id);
  const { mutate: transfer } = useTransfer(project.id);
  const { mutate: leave } = useLeave(project.id);
  const navigate = useNavigate();
  return {
    remove: {
      title: `Remove ${user.name}?`,
      action: "Remove member",
      text: "They no longer see this project, and are taken off its tasks. What they wrote stays.",
      confirm: () => remove(user.id, { onSuccess: () => toastDone(`${user.name} was removed.`) }),
    },
    transfer: {
      title: `Make ${user.name} the owner?`,
      action: "Transfer the project",
      text: "A project has one owner, who alone may delete and transfer it. You stay as a manager.",
      confirm: () => transfer(user.id, { onSuccess: () => toastDone(`${user.name} owns the project now.`) }),
    },
    leave: {
      title: `Leave ${project.name}?`,
      action: "Leave",
      text: "You no longer see this project, and are taken off its tasks. What you wrote stays.",
      confirm: () => leave(user.id, { onSuccess: () => navigate("/projects") }),
    },
  };
}
