import { useSearchParams } from "react-router";

/** The task whose panel is open beside the page, as the address says. */
export function useOpenTask(): [string | null, (taskKey: string | null) => void] {
  const [params, setParams] = useSearchParams();
  const open = (taskKey: string | null) =>
    setParams(
      (current) => {
        const next = new URLSearchParams(current);
        if (taskKey) next.set("task", taskKey);
        else next.delete("task");
        return next;
      },
      { preventScrollReset: true, replace: taskKey !== null && params.has("task") },
    );
  return [params.get("task"), open];
}
