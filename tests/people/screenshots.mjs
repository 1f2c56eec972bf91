// The pictures of the status page in docs/: five minutes of a small contact centre, quicker than life, whose visitors heed
// what the daemon answers. `npm run screenshots [SECONDS]`, then pngquant makes them small.
import { argv } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { browse, start } from './daemon.mjs';

const SECONDS = Number(argv[2] ?? 300);
const FOLDER = argv[3] ?? '../../docs';

/** Demand is in what the agents can do. */
const team = (channel, group, agents, demand, more) => ({
  channel, group, agents, demand, handle: 30, patience: 20, busy: 0, proactive: 0, queued: 0, entered: 0, invited: 0, abandoned: 0, ...more,
});
const swing = (least, most, period, phase = 0) => (second) =>
  least + (most - least) * (0.5 - 0.5 * Math.cos(2 * Math.PI * (second / period + phase)));
const teams = [
  team('chat', 'Sales', 24, swing(0.6, 1.8, 150)),
  team('chat', 'Support', 40, swing(0.7, 1.1, 200, 0.3)),
  team('chat', 'Technical support, second line', 8, swing(0.9, 1.6, 120)),
  team('chat', 'Überweisungen & Konten', 16, swing(0.3, 0.7, 180), { ratio: 0.2 }),
  team('chat', 'Billing', 0, () => 0),
  team('webcallback', 'Orders', 12, swing(0.4, 1.4, 100, 0.5)),
  team('webcallback', 'Returns', 9, swing(0.2, 0.6, 90)),
  // Visitors who come by a way that does not ask: the goal is missed, whatever is answered.
  team('chat', 'Partner portal', 6, () => 1.5, { heedless: true }),
  team('chat', 'Amsterdam', 14, swing(0.6, 1.2, 160), { silentFrom: 0.85 }),
];

function times(mean) {
  let count = 0;
  for (let left = Math.exp(-mean), product = Math.random(); product > left; product *= Math.random()) count += 1;
  return count;
}
const some = (of, share) => Array.from({ length: of }, Math.random).filter((chance) => chance < share).length;

function live(team, second, state) {
  team.busy -= some(team.busy, 1 / team.handle);
  team.proactive -= some(team.proactive, 1 / team.handle);
  const gone = some(team.queued, 1 / team.patience);
  team.queued -= gone;
  team.abandoned += gone;
  const asking = times(team.demand(second) * team.agents / team.handle);
  const admitted = team.heedless ? asking : some(asking, state);
  team.entered += admitted;
  team.queued += admitted;
  const taken = Math.min(team.queued, team.agents - team.busy - team.proactive);
  team.queued -= taken;
  team.busy += taken;
  const { channel, group, agents, busy, proactive, queued, handle, entered, abandoned } = team;
  return { channel, group, ready: agents - busy - proactive, loggedIn: agents, reactive: busy, proactive, queued, handleTime: handle, reactiveEntered: entered, abandoned };
}

const browser = await browse();
const daemon = await start({ 'statistics.groups': 'webcallback = ["Weekend"]', pacing: 'patience = 20\nhandle-time = 30' });
try {
  await daemon.send(...teams.map((team) => live(team, 0, 0)));
  const views = [['status-light', 1600, 900, 'light'], ['status-dark', 1600, 900, 'dark'], ['status-phone', 390, 844, 'dark'], ['status-tablet', 1000, 800, 'light'], ['status-wall', 3840, 2160, 'dark']];
  const pages = [];
  for (const [, width, height, colorScheme] of views) {
    const page = await (await browser.newContext({ viewport: { width, height }, colorScheme })).newPage();
    await page.goto(`${daemon.operators}/`);
    pages.push(page);
  }
  for (let second = 1; second <= SECONDS; second += 1) {
    const { groups } = await daemon.status();
    const state = (team) => groups.find((group) => group.group === team.group)?.reactiveState ?? 0;
    const telling = teams.filter((team) => !(second > (team.silentFrom ?? 1) * SECONDS));
    await daemon.send(...telling.map((team) => live(team, second, state(team))));
    await sleep(1000);
  }
  for (const [index, [name]] of views.entries()) await pages[index].screenshot({ path: `${FOLDER}/${name}.png` });
} finally {
  await browser.close();
  await daemon.stop();
}
