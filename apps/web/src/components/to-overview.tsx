import { Link } from "../routing/navigation.tsx";

/** The way on where a page has nothing more to say. */
export const ToOverview = ({ isPrimary = true }: { isPrimary?: boolean }) => (
  <Link className={isPrimary ? "button primary" : "button"} to="/app">
    To the overview
  </Link>
);
