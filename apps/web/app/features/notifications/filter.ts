/** Which notifications a list shows; without types those of every type. */
export interface NotificationFilter {
  readonly unread: boolean;
  readonly types: readonly string[];
}

export const noFilter: NotificationFilter = { unread: false, types: [] };

/** The filter that an address holds. */
export function filterOf(params: URLSearchParams): NotificationFilter {
  const types = params.get("type")?.split(",").filter(Boolean) ?? [];
  return { unread: params.has("unread"), types: [...new Set(types)].sort() };
}

/** The query of an address that holds a filter. */
export function paramsOf({ unread, types }: NotificationFilter): Record<string, string> {
  return { ...(unread && { unread: "1" }), ...(types.length > 0 && { type: types.join(",") }) };
}
