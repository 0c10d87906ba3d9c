import type { Config } from "@react-router/dev/config";

export default {
  ssr: true,
  // All routes are known at the start: no request for a manifest while somebody moves the mouse.
  routeDiscovery: { mode: "initial" },
} satisfies Config;
