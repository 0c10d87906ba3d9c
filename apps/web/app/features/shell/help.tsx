import { Dialog } from "~/components/ui/dialog";
import { Kbd } from "~/components/ui/kbd";

const groups: { title: string; rows: [keys: string[], what: string][] }[] = [
  {
    title: "Anywhere",
    rows: [
      [["⌘ K", "Ctrl K"], "Search and commands"],
      [["C"], "New task"],
      [["?"], "This list"],
      [["Esc"], "Close what is open"],
    ],
  },
  {
    title: "Board",
    rows: [
      [["J", "K"], "Next and previous card"],
      [["↑", "↓"], "Within a column"],
      [["Tab"], "Next column"],
      [["Enter"], "Open the card"],
      [["→", "Enter"], "Take hold of the card, then arrows or Tab, Enter to drop"],
      [["→ →", "Enter"], "Menu of the card, with “Move to…”"],
    ],
  },
  {
    title: "Open task",
    rows: [
      [["S"], "Change the status"],
      [["A"], "Assign people"],
    ],
  },
  { title: "Writing", rows: [[["⌘ Enter", "Ctrl Enter"], "Save or send"]] },
];

export default function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" isOpen onOpenChange={onClose}>
      {groups.map(({ title, rows }) => (
        <section key={title} className="mt-3">
          <h3 className="mb-1 text-meta font-medium text-subtle">{title}</h3>
          <dl>
            {rows.map(([keys, what]) => (
              <div key={what} className="flex min-h-8 items-center justify-between gap-4 border-t border-line py-1">
                <dt>{what}</dt>
                <dd className="flex shrink-0 gap-1">
                  {keys.map((key) => (
                    <Kbd key={key}>{key}</Kbd>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
