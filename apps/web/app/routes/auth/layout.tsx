import { Outlet } from "react-router";
import { Logo } from "~/components/logo";

export default function AuthLayout() {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center px-4 py-12">
      <div className="w-full max-w-88">
        <div className="mb-8 flex flex-col items-center gap-3">
          <Logo className="size-10" />
          <span className="text-heading font-semibold tracking-tight">SynergyOS</span>
        </div>
        <Outlet />
      </div>
    </main>
  );
}
