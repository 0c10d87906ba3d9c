import { Check, Copy, TriangleAlert } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "~/components/ui/button";
import { TextField } from "~/components/ui/field";

const SHOWN_MS = 4_000;
const looks = { idle: [Copy, "Copy"], copied: [Check, "Copied"], failed: [TriangleAlert, "Copy it by hand"] } as const;

/** Puts a text into the clipboard, and says so. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [state, setState] = useState<keyof typeof looks>("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState("copied");
    } catch {
      // Without HTTPS, or when it is not permitted, pages have no clipboard.
      setState("failed");
    }
  };
  const [Icon, word] = looks[state];
  return (
    <>
      <Button size="md" aria-label={label} onPress={copy}>
        <Icon aria-hidden /> {word}
      </Button>
      <span role="status" className="sr-only">
        {state === "idle" ? "" : word}
      </span>
    </>
  );
}

/** A text to take along, such as a secret, with the button that copies it. */
export function CopyField({ label, text }: { label: string; text: string }) {
  return (
    <div className="flex items-end gap-2">
      <div className="min-w-0 flex-1">
        <TextField
          label={label}
          readOnly
          value={text}
          spellCheck={false}
          onFocus={(event) => event.currentTarget.select()}
          className="font-mono"
        />
      </div>
      <span className="pb-0.5">
        <CopyButton text={text} label={`Copy the ${label.toLowerCase()}`} />
      </span>
    </div>
  );
}
