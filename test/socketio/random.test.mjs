// Seeded runs: a turn is watched over a road that is cut at random moments,
// and over which the client goes from node to node and from road to road.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import * as msgpack from "socket.io-msgpack-parser";
import { client, disconnect, until } from "./harness.mjs";
import { Fleet, View, front, textOf } from "./fleet.mjs";

const runs = Number(process.env.RUNS ?? 20);
let fleet, token;
before(async () => {
  fleet = await Fleet.start([{ continue: true }, { text: "ä{i}🐫 ", repeat: 300, every: "5ms" }]);
  token = fleet.token("ada");
});
after(() => fleet.stop());

// A generator of numbers below 1 that depends on its seed alone (mulberry32).
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const roads = [{ transports: ["polling"] }, { transports: ["websocket"] }, {}, { parser: msgpack }];

for (let seed = 1; seed <= runs; seed++) {
  test(`random disconnects, seed ${seed}`, async () => {
    const rnd = random(seed), channel = `random:${seed}`;
    const fronts = await Promise.all([0, 1, 2].map(() => front(fleet.nodes[0].url)));
    const viewers = fronts.map((f) => client(f.url, { ...roads[Math.floor(rnd() * roads.length)], reconnectionDelay: 10, reconnectionDelayMax: 100, auth: (g) => g({ token }) }));
    const views = viewers.map((s) => new View(s));
    let fallen = 0, returned = 0;
    for (const [i, s] of viewers.entries()) {
      s.on("connect", () => {
        if (!views[i].begun) return;
        returned++;
        if (!s.recovered) fallen++;
      });
      assert.deepEqual(await s.emitWithAck("follow", { channel, from: "now" }), {});
      views[i].begun = true;
    }
    const { turn } = await viewers[0].emitWithAck("prompt", { channel, message: "m1", text: "go" });
    let over = false;
    const cutting = (async () => {
      while (!over) {
        await new Promise((r) => setTimeout(r, 20 + rnd() * 300));
        const f = fronts[Math.floor(rnd() * fronts.length)];
        f.target = fleet.nodes[Math.floor(rnd() * 2)].url;
        f.cut();
      }
    })();
    await Promise.all(viewers.map((s, i) => until(s, () => views[i].turn(turn).state !== "")));
    over = true;
    await cutting;
    const text = textOf(await fleet.turn(channel, turn, token));
    assert.ok(text.length > 1000);
    for (const v of views) {
      assert.deepEqual(v.wrong, []);
      assert.equal(v.text(turn), text);
    }
    assert.ok(returned > 0);
    assert.equal(fallen, 0, "every return was a recovery");
    viewers.forEach(disconnect);
    await Promise.all(fronts.map((f) => f.close()));
  });
}
