import { Button } from "~/components/ui/button";

/** Stands in a form whose change was refused since somebody else was quicker; `onShow` takes over what they saved. */
export function ChangedMeanwhile({ what, onShow }: { what: string; onShow: () => void }) {
  return (
    <div
      role="alert"
      className="flex flex-wrap items-center gap-2 rounded-control border border-warn/40 bg-warn/8 px-3 py-2"
    >
      <p className="min-w-60 flex-1">
        This {what} was changed while you edited it, so nothing was saved. Look at what it is now, or save yours over
        it.
      </p>
      <Button onPress={onShow}>Show what it is now</Button>
    </div>
  );
}
