import { mount } from 'svelte';
import './app.css';
import App from './App.svelte';
import { Api } from './lib/api';
import { systemClock } from './lib/clock';
import { withFallback } from './lib/fallback';
import { openOutboxStore } from './lib/outbox-store';
import { remembered } from './lib/session';
import { connectWebSocket } from './lib/websocket-transport';
import { AccountState } from './state/account.svelte';
import { Chat } from './state/chat.svelte';

/** How long the server may take to answer HTTP, in ms, where no WebSocket has opened. */
const REACHABLE_WITHIN = 5_000;

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');

const chat = new Chat({
  connect: withFallback({
    clock: systemClock,
    webSocket: connectWebSocket,
    polling: async () => (await import('./lib/socketio-transport')).connectSocketIO,
    isReachable: () =>
      fetch('/', { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(REACHABLE_WITHIN) }).then(
        ({ ok }) => ok,
        () => false,
      ),
  }),
  clock: systemClock,
  random: Math.random,
  store: await openOutboxStore(),
  memory: remembered,
});

const api = new Api((path, init) => fetch(path, init), () => chat.bearer);
const account = new AccountState(api, chat, systemClock);

mount(App, { target, props: { chat, account } });
