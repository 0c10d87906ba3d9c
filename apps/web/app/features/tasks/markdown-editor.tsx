import { useState } from "react";
import { Button } from "~/components/ui/button";
import { inputClass } from "~/components/ui/field";

interface MarkdownEditorProps {
  label: string;
  initial?: string;
  placeholder?: string;
  action: string;
  maxLength: number;
  mayBeEmpty?: boolean;
  isBusy?: boolean;
  /** Called with the text; answer a promise that fails to keep it in the field. */
  onSubmit: (text: string) => unknown;
  onCancel?: () => void;
}

/** Text in Markdown; ⌘Enter or Ctrl+Enter sends it. */
export function MarkdownEditor(props: MarkdownEditorProps) {
  const { label, initial = "", placeholder, action, maxLength, mayBeEmpty, isBusy, onSubmit, onCancel } = props;
  const [text, setText] = useState(initial);
  const isReady = (mayBeEmpty || text.trim() !== "") && !isBusy;
  const submit = async () => {
    if (!isReady) return;
    try {
      await onSubmit(text.trim());
      if (!onCancel) setText("");
    } catch {
      // The mutation has said why; the text stays.
    }
  };
  return (
    <div>
      <textarea
        // biome-ignore lint/a11y/noAutofocus: editing was asked for
        autoFocus={onCancel !== undefined}
        aria-label={label}
        placeholder={placeholder}
        maxLength={maxLength}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
            event.preventDefault();
            submit();
          } else if (event.key === "Escape" && onCancel) {
            event.preventDefault();
            onCancel();
          }
        }}
        className={`${inputClass} field-sizing-content max-h-96 min-h-16 resize-none px-2.5 py-2 text-body`}
      />
      {(text !== "" || onCancel) && (
        <div className="mt-1.5 flex items-center gap-2">
          <span className="flex-1 text-label text-subtle">Markdown. ⌘ or Ctrl + Enter to send.</span>
          {onCancel && (
            <Button variant="ghost" onPress={onCancel}>
              Cancel
            </Button>
          )}
          <Button variant="primary" isDisabled={!isReady} onPress={submit}>
            {action}
          </Button>
        </div>
      )}
    </div>
  );
}
