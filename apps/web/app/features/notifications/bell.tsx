import { useQuery } from "@tanstack/react-query";
import { Bell } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { IconButton } from "~/components/ui/button";
import { Popover, PopoverTrigger } from "~/components/ui/popover";
import NotificationList from "~/features/notifications/list";
import { unreadQuery } from "~/features/notifications/queries";
import { plural } from "~/lib/format";

/** How many notifications are unread, and the newest of them at a press. */
export default function NotificationBell() {
  const { data: unread = 0 } = useQuery(unreadQuery);
  const before = useRef(unread);
  const [said, setSaid] = useState("");
  // Only what comes is said, not what was there or has been read.
  useEffect(() => {
    setSaid(unread > before.current ? plural(unread, "unread notification") : "");
    before.current = unread;
  }, [unread]);
  return (
    <>
      <PopoverTrigger>
        <IconButton label={unread > 0 ? `Notifications, ${unread} unread` : "Notifications"}>
          <Bell />
          {unread > 0 && (
            <span
              aria-hidden
              className="absolute -end-0.5 -top-0.5 flex touch:end-1 touch:top-1.5 h-4 min-w-4 items-center justify-center rounded-full bg-accent px-1 text-[0.625rem] font-semibold text-on-accent ring-2 ring-canvas"
            >
              {unread > 99 ? "99+" : unread}
            </span>
          )}
        </IconButton>
        <Popover label="Notifications" className="h-[min(30rem,70vh)] w-[min(24rem,calc(100vw-1rem))]">
          {({ close }) => <NotificationList onClose={close} />}
        </Popover>
      </PopoverTrigger>
      <span role="status" className="sr-only">
        {said}
      </span>
    </>
  );
}
