import type { ShownSetting } from "@synergy/client";

interface SettingFilter {
  text: string;
  /** `set`, `default`, `secret`, or empty for all. */
  only: string;
}

/** The settings that fit: every word of the text is in the name, the value or the description. */
export function chosenSettings(settings: readonly ShownSetting[], { text, only }: SettingFilter): ShownSetting[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return settings.filter((setting) => {
    if (only === "secret" ? !setting.is_secret : only && setting.source !== only) return false;
    const said = `${setting.name} ${setting.value ?? ""} ${setting.description}`.toLowerCase();
    return words.every((word) => said.includes(word));
  });
}

/** By their groups, in the order in which they come. */
export function groupsOf(settings: readonly ShownSetting[]): Map<string, ShownSetting[]> {
  return Map.groupBy(settings, (setting) => setting.group);
}
