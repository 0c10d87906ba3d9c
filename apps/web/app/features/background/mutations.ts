import {
  changeSchedule,
  deleteJob,
  pauseSchedule,
  resumeSchedule,
  retryJob,
  retryJobs,
  runSchedule,
  type ScheduleChange,
  type ScheduleView,
} from "@synergy/client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { toastError, toastUnlessAnswered } from "~/components/ui/toast";
import { schedulesQuery } from "~/features/background/queries";
import { type Api, answer } from "~/lib/api";
import { apiOf } from "~/lib/query";

/** Something done to dead letters; the pages of background work and health count them. */
function useJobAction<Input, Result>(call: (api: Api, input: Input) => Promise<Result>, failed: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: Input) => call(apiOf(client), input),
    onError: (error) => toastError(failed, error),
    // Also after an error: another administrator may have been quicker.
    onSettled: () => {
      for (const key of ["jobs", "job", "queues", "health"]) client.invalidateQueries({ queryKey: ["admin", key] });
    },
  });
}

export const useRetryJob = () =>
  useJobAction(
    (client, id: string) => answer(retryJob({ client, path: { job_id: id } })),
    "The job was not sent again.",
  );

/** All dead letters of one kind; of every kind without a name. */
export const useRetryJobs = () =>
  useJobAction(
    (client, name: string | null) => answer(retryJobs({ client, body: { name } })),
    "Nothing was sent again.",
  );

export const useDeleteJob = () =>
  useJobAction((client, id: string) => deleteJob({ client, path: { job_id: id } }), "The job was not deleted.");

function useScheduleAction<Input>(call: (api: Api, input: Input) => Promise<ScheduleView>, failed?: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: Input) => call(apiOf(client), input),
    onSuccess: (schedule) => {
      client.setQueryData(schedulesQuery.queryKey, (before) =>
        before?.map((other) => (other.id === schedule.id ? schedule : other)),
      );
    },
    onError: (error) => {
      if (failed) toastError(failed, error);
      else toastUnlessAnswered("The schedule was not changed.", error);
    },
    onSettled: () => {
      client.invalidateQueries({ queryKey: schedulesQuery.queryKey });
    },
  });
}

export const useRunSchedule = () =>
  useScheduleAction(
    (client, id: string) => answer(runSchedule({ client, path: { schedule_id: id } })),
    "It does not run now.",
  );

export const usePauseSchedule = () =>
  useScheduleAction(
    (client, id: string) => answer(pauseSchedule({ client, path: { schedule_id: id } })),
    "The schedule was not paused.",
  );

export const useResumeSchedule = () =>
  useScheduleAction(
    (client, id: string) => answer(resumeSchedule({ client, path: { schedule_id: id } })),
    "The schedule is still paused.",
  );

/** For a form, which shows what the server refuses; only `version` is changed, no newer one. */
export const useChangeSchedule = (id: string) =>
  useScheduleAction((client, { version, change }: { version: number; change: ScheduleChange }) =>
    answer(
      changeSchedule({
        client,
        path: { schedule_id: id },
        headers: { "If-Match": `"${version}"` },
        body: change,
      }),
    ),
  );
