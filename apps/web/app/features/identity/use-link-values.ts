import { useEffect, useState } from "react";

/**
 * The values behind the # of a mailed link, such as its token: they never reach a server's log nor another site.
 * They leave the address bar, and so the history, once they are read.
 * @returns undefined before the page has come to life, empty for an address without any
 */
export function useLinkValues(): URLSearchParams | undefined {
  const [values, setValues] = useState<URLSearchParams>();
  useEffect(() => {
    const { hash, pathname, search } = window.location;
    setValues((known) => known ?? new URLSearchParams(hash.slice(1)));
    if (hash) window.history.replaceState(window.history.state, "", pathname + search);
  }, []);
  return values;
}
