import { useRef } from "react";
import { Button } from "~/components/ui/button";
import { toastDone } from "~/components/ui/toast";
import { useSetAvatar } from "~/features/account/mutations";

/** Chooses a picture of oneself, and saves it. */
export function ChoosePicture() {
  const { mutate: save, isPending } = useSetAvatar();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        accept="image/png,image/jpeg,image/webp,image/gif"
        aria-label="Picture file"
        hidden
        onChange={(event) => {
          const [file] = event.target.files ?? [];
          // the same file may be chosen again
          event.target.value = "";
          if (file) save(file, { onSuccess: () => toastDone("Your picture is saved.") });
        }}
      />
      <Button isPending={isPending} onPress={() => input.current?.click()}>
        {isPending ? "Saving…" : "Choose a picture"}
      </Button>
    </>
  );
}
