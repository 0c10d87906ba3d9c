import type { ScheduleView } from "@synergy/client";
import { useId, useState } from "react";
import { SelectField, TextField } from "~/components/ui/field";
import { Timezones } from "~/components/ui/timezones";
import { toastDone } from "~/components/ui/toast";
import { useChangeSchedule } from "~/features/background/mutations";
import { changeOf, draftOf, type ScheduleDraft } from "~/features/background/schedule";
import { ChangedMeanwhile } from "~/features/identity/changed-meanwhile";
import { failureOf, fieldError } from "~/features/identity/form";
import { FormDialog } from "~/features/identity/form-dialog";
import { newerOf } from "~/lib/api";
import { formatSpan } from "~/lib/format";

const FIELDS = ["cron", "interval_seconds", "timezone", "missed"];

/** When a schedule is due, by cron or by interval. */
export default function ChangeScheduleDialog({ schedule, onClose }: { schedule: ScheduleView; onClose: () => void }) {
  // What comes in the meantime must not change what the form began with.
  const [base, setBase] = useState(schedule);
  const [draft, setDraft] = useState(() => draftOf(schedule));
  const { mutate: save, error, isPending, reset } = useChangeSchedule(schedule.id);
  const newer = newerOf<ScheduleView>(error);
  // Who has been told of the newer one may save over it.
  const { version } = newer ?? base;
  const failure = newer ? undefined : failureOf(error);
  const change = (fields: Partial<ScheduleDraft>) => setDraft({ ...draft, ...fields });
  return (
    <FormDialog
      title={`Change ${base.name}`}
      action={newer ? "Save over it" : "Save"}
      failure={failure}
      fields={FIELDS}
      isPending={isPending}
      onSubmit={() =>
        save(
          { version, change: changeOf(draft) },
          {
            onSuccess: () => {
              onClose();
              toastDone(`${base.name} is changed.`);
            },
          },
        )
      }
      onClose={onClose}
    >
      {newer && (
        <ChangedMeanwhile
          what="schedule"
          onShow={() => {
            setBase(newer);
            setDraft(draftOf(newer));
            reset();
          }}
        />
      )}
      <fieldset>
        <legend className="mb-1 text-meta font-medium">It is due</legend>
        {(["cron", "interval"] as const).map((by) => (
          <label key={by} className="flex min-h-7 items-center gap-2.5 touch:min-h-11">
            <input
              type="radio"
              name="by"
              className="size-3.5 accent-accent touch:size-5"
              checked={draft.by === by}
              onChange={() => change({ by })}
            />
            {by === "cron" ? "at times of the clock (cron)" : "again and again after some time"}
          </label>
        ))}
      </fieldset>
      {draft.by === "cron" ? (
        <TextField
          label="Cron expression"
          required
          maxLength={80}
          placeholder="30 2 * * *"
          spellCheck={false}
          value={draft.cron}
          onChange={(event) => change({ cron: event.target.value })}
          hint="Minute, hour, day of the month, month, day of the week."
          error={fieldError(failure, "cron")}
          className="font-mono"
        />
      ) : (
        <TextField
          label="Seconds between two runs"
          inputMode="numeric"
          required
          value={draft.seconds}
          onChange={(event) => change({ seconds: event.target.value })}
          hint={Number(draft.seconds) >= 60 ? `That is ${formatSpan(Number(draft.seconds))}.` : "At least 10."}
          error={fieldError(failure, "interval_seconds")}
        />
      )}
      <TimezoneField
        value={draft.timezone}
        onChange={(timezone) => change({ timezone })}
        error={fieldError(failure, "timezone")}
      />
      <SelectField
        label="Runs that were missed while no scheduler ran"
        value={draft.missed}
        onChange={(event) => change({ missed: event.target.value as ScheduleDraft["missed"] })}
        error={fieldError(failure, "missed")}
      >
        <option value="catch_up">are caught up</option>
        <option value="skip">are skipped</option>
      </SelectField>
    </FormDialog>
  );
}

interface TimezoneFieldProps {
  value: string;
  onChange: (timezone: string) => void;
  error: string | undefined;
}

function TimezoneField({ value, onChange, error }: TimezoneFieldProps) {
  const id = useId();
  return (
    <>
      <TextField
        label="Time zone"
        required
        maxLength={64}
        list={id}
        placeholder="Europe/Vienna"
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        error={error}
      />
      <Timezones id={id} />
    </>
  );
}
