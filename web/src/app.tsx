/** The login, or the shell with the page of the address. */
import { Suspense, useEffect } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { hasRole, useMe, useWho } from './api/me.ts';
import { queries } from './api/queries.ts';
import { useSession } from './api/session.ts';
import { PAGES, type PageEntry } from './pages.ts';
import { drafts } from './parts/drafts.ts';
import { ErrorBoundary } from './parts/error-boundary.tsx';
import { useHref } from './parts/link.tsx';
import { Empty, Failure, Loading } from './parts/loaded.tsx';
import { Notices } from './parts/notices.tsx';
import { Page } from './parts/page.tsx';
import { useParameters } from './parts/url-state.ts';
import { BROWSER_ZONE } from './parts/zone.ts';
import { Login } from './shell/login.tsx';
import { Shell } from './shell/shell.tsx';

export function App() {
  const { session } = useSession();
  useEffect(() => {
    // The next caller may see less.
    if (session === undefined) queries.clear();
  }, [session]);
  return (
    <>
      {session === undefined ? <Login /> : <LoggedIn />}
      <Notices />
    </>
  );
}

function LoggedIn() {
  useZoneInAddress();
  const actor = useMe()?.actor;
  useEffect(() => {
    // Whoever logs in next gets nothing of what somebody else had typed.
    if (actor !== undefined) drafts.keepOnly(actor);
  }, [actor]);
  const [path] = useLocation();
  return (
    <Shell>
      <ErrorBoundary key={path}>
        <Suspense fallback={<Loading />}>
          <Switch>
            {PAGES.map((page) => (
              <Route key={page.path} path={page.path === '/' ? '/' : `${page.path}/*?`}>
                <Allowed page={page} />
              </Route>
            ))}
            <Route>
              <Page title="Not found">
                <Empty>There is no such page.</Empty>
              </Page>
            </Route>
          </Switch>
        </Suspense>
      </ErrorBoundary>
    </Shell>
  );
}

function Allowed({ page }: { readonly page: PageEntry }) {
  const { me, failure, refetch } = useWho();
  const href = useHref();
  if (me === undefined) {
    return failure === null ? (
      <Loading />
    ) : (
      <Page title={page.label}>
        <Failure error={failure} retry={() => void refetch()} />
      </Page>
    );
  }
  if (hasRole(me, page.role) && (page.allTenants !== true || me.tenants === undefined)) {
    return <page.Component />;
  }
  // Where everybody begins. The console's own address must not lead to a refusal.
  if (page === PAGES[0]) return <Redirect to={href('/usage')} replace />;
  return (
    <Page title={page.label}>
      <Empty>
        {hasRole(me, page.role)
          ? 'This page is about all tenants, and you may see some of them.'
          : `This page is for the role ${page.role}. You are ${me.role}.`}
      </Empty>
    </Page>
  );
}

/** Every address names its zone, so that a link shows everybody the same hours. */
function useZoneInAddress(): void {
  const [parameters, setParameters] = useParameters();
  const zone = parameters.get('tz') ?? '';
  useEffect(() => {
    // A zone that does not exist stays: the shell says so.
    if (zone === '') setParameters({ tz: BROWSER_ZONE });
  }, [zone, setParameters]);
}
