import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DASHBOARDS, renderDashboards } from '../../grafana/source/dashboards.ts';
import { RUNBOOKS_URL } from '../../grafana/source/panel.ts';
import { parseRunbooksUrl, RUNBOOKS_BASE, withRunbooks } from '../../grafana/source/runbooks.ts';

const ALERTS = 'grafana/alerts/pulse.yml';
const SECTIONS = ['What it means', 'How to look', 'What to do', 'How to know it is over'];

const read = (file: string): string => readFileSync(file, 'utf8');
const panels = DASHBOARDS.flatMap(({ uid, rows }) =>
  rows.flatMap((row) => row.panels.map((panel) => ({ uid, ...panel }))),
);

describe('the dashboards', () => {
  test('are the JSON that `npm run dashboards` writes, and the folder has no other file', () => {
    const rendered = renderDashboards();
    expect(readdirSync('grafana/dashboards').sort()).toEqual([...rendered.keys()].sort());
    for (const [name, text] of rendered) {
      expect(read(`grafana/dashboards/${name}`) === text, `${name} is what the code gives`).toBe(
        true,
      );
    }
  });

  test('describe every panel, and give no two panels the same name', () => {
    for (const { title, description, unit, queries } of panels) {
      expect(description, title).toMatch(/\.$/);
      expect(unit, title).not.toBe('');
      expect(Object.keys(queries).length, title).toBeGreaterThan(0);
    }
    for (const { title, rows } of DASHBOARDS) {
      const titles = rows.flatMap((row) => row.panels.map((panel) => panel.title));
      expect(new Set(titles).size, title).toBe(titles.length);
    }
  });

  test('never overlap panels', () => {
    for (const [name, text] of renderDashboards()) {
      const dashboard = JSON.parse(text) as {
        panels: { gridPos: Record<'x' | 'y' | 'w' | 'h', number> }[];
      };
      const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
      );
      expect(new Set(cells).size, name).toBe(cells.length);
      expect(Math.max(...dashboard.panels.map(({ gridPos: { x, w } }) => x + w)), name).toBe(24);
    }
  });
});

describe('the runbooks', () => {
  const pages = readdirSync('docs/runbooks').map((name) => `docs/runbooks/${name}`);
  const alerts = read(ALERTS).split('- alert: ').slice(1);

  test('every alert links to the page with its name', () => {
    const anchor = /annotations: &budget[\s\S]*?runbook_url: (\S+)/.exec(read(ALERTS))?.[1];
    for (const alert of alerts) {
      const name = /^\w+/.exec(alert)?.[0] ?? '';
      const page = /runbook_url: (\S+)/.exec(alert)?.[1] ?? anchor;
      const kebab = name.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
      expect(page, name).toBe(`${RUNBOOKS_BASE}${kebab}.md`);
      expect(pages).toContain(`docs/runbooks/${kebab}.md`);
    }
  });

  test.each([ALERTS, 'grafana/alerts/tests/pulse.yml'])(
    'every link in %s is a whole URL of a page and a section that exist',
    (file) => {
      const links = [...read(file).matchAll(/runbook_url: *(.*)$/gm)].map(([, url]) => url!);
      expect(links.length).toBeGreaterThan(10);
      for (const link of links) {
        expect(link.startsWith(RUNBOOKS_BASE), link).toBe(true);
        const { hash } = new URL(link);
        const page = `docs/runbooks/${link.slice(RUNBOOKS_BASE.length).replace(hash, '')}`;
        expect(pages).toContain(page);
        const sections = [...read(page).matchAll(/^#+ (.+)$/gm)].map(
          ([, title]) =>
            `#${title!
              .toLowerCase()
              .replaceAll(/[^\w -]/g, '')
              .replaceAll(' ', '-')}`,
        );
        expect(['', ...sections]).toContain(hash);
      }
      expect(withRunbooks(read(file), RUNBOOKS_BASE)).toBe(read(file));
    },
  );

  test('can be kept elsewhere', () => {
    const base = parseRunbooksUrl('https://wiki.example/pulse');
    const moved = withRunbooks(read(ALERTS), base);
    expect(moved).toContain('runbook_url: https://wiki.example/pulse/flush-stale.md\n');
    expect(moved).not.toContain(RUNBOOKS_BASE);
    expect(withRunbooks(moved, RUNBOOKS_BASE)).toBe(read(ALERTS));
    expect(withRunbooks('runbook_url: docs/runbooks/a.md#b', base)).toBe(
      'runbook_url: https://wiki.example/pulse/a.md#b',
    );
    for (const text of ['docs/runbooks', '//host/a', 'file:///a']) {
      expect(() => parseRunbooksUrl(text)).toThrow('--runbooks-url must be a URL');
    }
  });

  test('every panel that links to a page links to one that exists', () => {
    const links = [...renderDashboards().values()].flatMap((text) =>
      [...text.matchAll(/"url": "([^"]+)"/g)].map(([, url]) => url!),
    );
    expect(links.length).toBeGreaterThan(10);
    for (const url of links) {
      expect(url.startsWith(RUNBOOKS_URL), url).toBe(true);
      expect(pages).toContain(`docs/runbooks/${url.slice(RUNBOOKS_URL.length)}`);
    }
  });

  test('every page has the four sections in order, and its links resolve', () => {
    for (const page of pages) {
      const text = read(page);
      expect(
        [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title),
        page,
      ).toEqual(SECTIONS);
      for (const [, target] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
        expect(existsSync(`docs/runbooks/${target!}`), `${page}: ${target!}`).toBe(true);
      }
    }
    expect(pages).toHaveLength(new Set(alerts.map((alert) => /^\w+/.exec(alert)?.[0])).size);
  });
});
