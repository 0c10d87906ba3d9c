import { useSearchParams } from "react-router";

/** The parameters of the address, and how to set some of them in place; what gets no value is taken out. */
export function useAddressParams() {
  const [params, setParams] = useSearchParams();
  const change = (values: Record<string, string | null>) =>
    setParams(
      (now) => {
        for (const [name, value] of Object.entries(values)) {
          if (value) now.set(name, value);
          else now.delete(name);
        }
        return now;
      },
      { replace: true, preventScrollReset: true },
    );
  return [params, change] as const;
}
