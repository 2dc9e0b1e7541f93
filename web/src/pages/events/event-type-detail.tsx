/** One event type with all its versions. */
import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import { RawText } from '../../parts/facts.tsx';
import { PageLink } from '../../parts/link.tsx';
import { Loaded } from '../../parts/loaded.tsx';
import { Section } from '../../parts/section.tsx';
import { Time } from '../../parts/time.tsx';
import { KEYS } from './event-queries.ts';
import { TypeForm } from './type-form.tsx';

const VERSIONS_SHOWN = 100;

export function EventTypeDetail({ name }: { readonly name: string }) {
  const versions = useQuery({
    queryKey: [KEYS.types, 'versions', name],
    queryFn: ({ signal }) =>
      dataOf(
        api.GET('/api/v1/event-types/{name}/versions', {
          params: { path: { name }, query: { limit: VERSIONS_SHOWN } },
          signal,
        }),
      ),
  });
  return (
    <Loaded query={versions}>
      {({ data }) => {
        const newestFirst = [...data].sort((one, other) => other.version - one.version);
        const [newest] = newestFirst;
        return (
          <>
            <PageLink to="/events/types">All types</PageLink>
            <Section
              title={name}
              actions={
                newest === undefined ? null : (
                  // Starts from the newest version, also after another one was stored.
                  <TypeForm label="New version" type={newest} />
                )
              }
            >
              <PageLink to={`/events/messages?type=${encodeURIComponent(name)}`}>
                Messages of this type
              </PageLink>
            </Section>
            {newestFirst.map(
              ({ version, schema, description, is_breaking, created_by, created_at }) => (
                <Section key={version} title={`Version ${version}`}>
                  <Text size="sm" mb="xs" className="anywhere">
                    {description === null ? '' : `${description} · `}
                    {created_by} · <Time at={created_at} />
                    {is_breaking ? ' · may refuse what the version before it accepts' : ''}
                  </Text>
                  <RawText
                    label={`Schema of version ${version}`}
                    text={JSON.stringify(schema, null, 2)}
                  />
                </Section>
              ),
            )}
          </>
        );
      }}
    </Loaded>
  );
}
