import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DASHBOARDS, renderDashboards } from '../../grafana/source/dashboards.ts';
import { RUNBOOKS_URL } from '../../grafana/source/panel.ts';

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
      expect(page, name).toBe(`docs/runbooks/${kebab}.md`);
      expect(pages).toContain(page);
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
