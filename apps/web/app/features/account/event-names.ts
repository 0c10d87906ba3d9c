const NAMES: Record<string, string> = {
  login_success: "Signed in",
  login_failed: "Sign-in failed",
  logout: "Signed out",
  registration: "Account made",
  password_change: "Password changed",
  password_reset_request: "Link to set a password asked for",
  password_reset: "Password set by a link",
  email_changed: "Email address changed",
  mfa_enabled: "Second factor turned on",
  mfa_disabled: "Second factor turned off",
  mfa_failed: "Wrong code",
  token_reuse: "Old session token used again",
  session_revoked: "Session ended",
  api_token_created: "API token made",
  api_token_revoked: "API token revoked",
  role_changed: "Role changed",
  user_deactivated: "Account deactivated",
  user_activated: "Account activated",
  user_changed: "Account changed",
  user_deleted: "Account deleted",
  user_linked: "Person linked to an account",
  rate_limited: "Too many requests",
  permission_denied: "Something not allowed was tried",
  admin_access: "An administrator looked into a project",
};

/** What a security event is called; a type that is newer than this page by its own name. */
export function eventName(type: string): string {
  const name = NAMES[type] ?? type.replaceAll("_", " ");
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The types that one may choose from in a filter. */
export const EVENT_TYPES = Object.keys(NAMES);
