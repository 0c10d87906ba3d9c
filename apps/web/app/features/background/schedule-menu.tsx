import type { ScheduleView } from "@synergy/client";
import { CalendarCog, Ellipsis, Pause, Play, Zap } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { IconButton } from "~/components/ui/button";
import { Menu, MenuItem, MenuTrigger } from "~/components/ui/menu";
import { toastDone } from "~/components/ui/toast";
import { usePauseSchedule, useResumeSchedule, useRunSchedule } from "~/features/background/mutations";

const ChangeScheduleDialog = lazy(() => import("~/features/background/change-schedule-dialog"));

/** What is done to a schedule now and then. */
export default function ScheduleMenu({ schedule }: { schedule: ScheduleView }) {
  const { id, name, is_paused } = schedule;
  const [isChanging, setChanging] = useState(false);
  const { mutate: run } = useRunSchedule();
  const { mutate: pause } = usePauseSchedule();
  const { mutate: resume } = useResumeSchedule();
  return (
    <>
      <MenuTrigger>
        <IconButton label={`Actions for ${name}`}>
          <Ellipsis />
        </IconButton>
        <Menu aria-label="Actions" placement="bottom end">
          <MenuItem
            id="run"
            icon={<Zap />}
            onAction={() => run(id, { onSuccess: () => toastDone(`${name} runs within two seconds.`) })}
          >
            Run now
          </MenuItem>
          {is_paused ? (
            <MenuItem
              id="resume"
              icon={<Play />}
              onAction={() => resume(id, { onSuccess: () => toastDone(`${name} goes on.`) })}
            >
              Resume
            </MenuItem>
          ) : (
            <MenuItem
              id="pause"
              icon={<Pause />}
              onAction={() =>
                pause(id, {
                  onSuccess: () =>
                    toastDone(`${name} is paused.`, {
                      label: "Undo",
                      run: () => resume(id),
                    }),
                })
              }
            >
              Pause
            </MenuItem>
          )}
          <MenuItem id="change" icon={<CalendarCog />} onAction={() => setChanging(true)}>
            Change
          </MenuItem>
        </Menu>
      </MenuTrigger>
      <Suspense fallback={null}>
        {isChanging && <ChangeScheduleDialog schedule={schedule} onClose={() => setChanging(false)} />}
      </Suspense>
    </>
  );
}
