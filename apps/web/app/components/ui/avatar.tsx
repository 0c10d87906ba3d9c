import type { CSSProperties } from "react";
import { cx } from "~/components/ui/cx";

/** The same person has the same colour everywhere; the letters keep a contrast above 4.5 : 1 in both themes. */
function hueOf(id: string): number {
  let hash = 0;
  for (const character of id) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 997;
  return Math.round((hash / 997) * 360);
}

export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? "")][0] ?? "");
  return letters.join("").toUpperCase() || "?";
}

const sizes = {
  xs: "size-5 text-[0.5625rem]",
  sm: "size-6 text-[0.625rem]",
  md: "size-8 text-meta",
  lg: "size-16 text-heading",
};

interface AvatarProps {
  person: { id: string; name: string; avatar_url?: string | null };
  size?: keyof typeof sizes;
  className?: string;
}

/** Beside a name it is decoration; alone it carries the name. */
export function Avatar({ person, size = "sm", className }: AvatarProps) {
  if (person.avatar_url) {
    return (
      <img
        src={person.avatar_url}
        alt=""
        aria-hidden
        title={person.name}
        loading="lazy"
        className={cx("inline-block shrink-0 rounded-full object-cover", sizes[size], className)}
      />
    );
  }
  const hue = hueOf(person.id);
  const style: CSSProperties = {
    backgroundColor: `light-dark(oklch(0.92 0.05 ${hue}), oklch(0.34 0.07 ${hue}))`,
    color: `light-dark(oklch(0.4 0.11 ${hue}), oklch(0.9 0.06 ${hue}))`,
  };
  return (
    <span
      aria-hidden
      title={person.name}
      style={style}
      className={cx(
        "inline-flex shrink-0 items-center justify-center rounded-full font-semibold tracking-tight select-none",
        sizes[size],
        className,
      )}
    >
      {initialsOf(person.name)}
    </span>
  );
}

interface AvatarStackProps {
  people: readonly { id: string; name: string }[];
  max?: number;
  size?: keyof typeof sizes;
}

export function AvatarStack({ people, max = 3, size = "xs" }: AvatarStackProps) {
  const hidden = people.length - max;
  if (people.length === 0) return null;
  return (
    <span className="flex items-center">
      <span className="sr-only">{`Assigned to ${people.map((person) => person.name).join(", ")}`}</span>
      {people.slice(0, max).map((person, index) => (
        <Avatar
          key={person.id}
          person={person}
          size={size}
          className={cx("ring-1 ring-surface", index > 0 && "-ms-0.5")}
        />
      ))}
      {hidden > 0 && (
        <span aria-hidden className="ms-1 text-label text-muted">
          +{hidden}
        </span>
      )}
    </span>
  );
}
