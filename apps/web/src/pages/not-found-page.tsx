import { Notice } from "../components/notice.tsx";
import { Page } from "../components/page.tsx";
import { ToOverview } from "../components/to-overview.tsx";

/** For an address that is none of ours. */
export function NotFoundPage() {
  return (
    <Page title="There is no such page">
      <Notice tone="neutral" title="The address may have a typing error" actions={<ToOverview />} />
    </Page>
  );
}
