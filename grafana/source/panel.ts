/** Panels and dashboards in the few shapes that Pulse uses, built with Grafana's own library. */
import {
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type Dashboard,
  type Threshold,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as GraphBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** From a value on, the colour of a panel. */
export interface Level {
  readonly from: number;
  readonly color: 'green' | 'yellow' | 'red' | 'blue';
}

export interface PanelSource {
  /** `stat` one number for a glance, `graph` lines over time. */
  readonly kind: 'stat' | 'graph';
  readonly title: string;
  /** What it shows, and what is normal. */
  readonly description: string;
  /** One of Grafana's units. */
  readonly unit: string;
  /** PromQL by legend. */
  readonly queries: Readonly<Record<string, string>>;
  /** Ascending; below the first it is green. */
  readonly levels?: readonly Level[];
  /** A page of docs/runbooks, without its ending. */
  readonly runbook?: string;
}

export interface DashboardSource {
  /** Also the name of its file. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly { readonly title: string; readonly panels: readonly PanelSource[] }[];
}

/** Grafana serves its own folder `public`; docker-compose mounts docs/runbooks there. */
export const RUNBOOKS_URL = '/public/runbooks/';
const COLUMNS = 24;
const STAT = { width: 4, height: 5 };
const GRAPH = { width: 12, height: 8 };
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

/* oxlint-disable typescript/no-deprecated */
/**
 * The dashboard in the format that every Grafana of today reads from a file; that of `dashboardv2`, for which the
 * library calls it deprecated, needs Grafana 12.
 */
export function buildDashboard({ uid, title, description, rows }: DashboardSource): Dashboard {
  const builder = new DashboardBuilder(`Pulse / ${title}`)
    .uid(`pulse-${uid}`)
    .description(description)
    .tags(['pulse'])
    .timezone('utc')
    .refresh('10s')
    .time({ from: 'now-1h', to: 'now' })
    .withVariable(
      new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'),
    )
    .link(
      new DashboardLinkBuilder('Pulse')
        .type(DashboardLinkType.Dashboards)
        .tags(['pulse'])
        .keepTime(true),
    );
  let y = 0;
  let id = 1;
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title).id(id++).gridPos({ x: 0, y, w: COLUMNS, h: 1 }));
    y += 1;
    const places = place(row.panels, y);
    row.panels.forEach((panel, index) => {
      const at = places[index] ?? { x: 0, y, w: GRAPH.width, h: GRAPH.height };
      builder.withPanel(buildPanel(panel).id(id++).gridPos(at));
      y = Math.max(y, at.y + at.h);
    });
  }
  return builder.build();
}
/* oxlint-enable typescript/no-deprecated */

/** Left to right, and on below when the line is full. */
function place(panels: readonly PanelSource[], top: number) {
  let x = 0;
  let y = top;
  let lineHeight = 0;
  return panels.map(({ kind }) => {
    const { width, height } = kind === 'stat' ? STAT : GRAPH;
    if (x + width > COLUMNS) {
      x = 0;
      y += lineHeight;
      lineHeight = 0;
    }
    const at = { x, y, w: width, h: height };
    x += width;
    lineHeight = Math.max(lineHeight, height);
    return at;
  });
}

function buildPanel(source: PanelSource): StatBuilder | GraphBuilder {
  const { kind, title, description, unit, queries, levels, runbook } = source;
  const panel = kind === 'stat' ? createStat() : createGraph();
  panel.title(title).description(description).unit(unit).datasource(DATASOURCE);
  panel.thresholds(
    new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(toSteps(levels ?? [])),
  );
  Object.entries(queries).forEach(([legend, expr], index) => {
    panel.withTarget(
      new DataqueryBuilder()
        .refId(String.fromCharCode('A'.charCodeAt(0) + index))
        .datasource(DATASOURCE)
        .expr(expr)
        .legendFormat(legend),
    );
  });
  if (runbook !== undefined) {
    panel.links([
      new DashboardLinkBuilder('Runbook')
        .type(DashboardLinkType.Link)
        .url(`${RUNBOOKS_URL}${runbook}.md`)
        .targetBlank(true),
    ]);
  }
  return panel;
}

function createStat(): StatBuilder {
  return new StatBuilder().reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
}

function createGraph(): GraphBuilder {
  return new GraphBuilder()
    .min(0)
    .fillOpacity(10)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    );
}

function toSteps(levels: readonly Level[]): Threshold[] {
  // Grafana's lowest step has no number.
  const lowest = { value: null, color: 'green' };
  return [lowest, ...levels.map(({ from, color }) => ({ value: from, color }))];
}
