import { useEffect, useState } from "react";

/** What a field of a time zone offers, whose `list` is `id`. */
export function Timezones({ id }: { id: string }) {
  const [zones, setZones] = useState<string[]>([]);
  // Browsers know other ones than the server.
  useEffect(() => setZones(Intl.supportedValuesOf("timeZone")), []);
  return (
    <datalist id={id}>
      {zones.map((zone) => (
        <option key={zone} value={zone} />
      ))}
    </datalist>
  );
}
