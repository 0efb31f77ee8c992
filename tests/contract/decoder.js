// A second decoder of the batch format, written from cloud_sync/wire/SPEC.md and nothing else.
// node decoder.js FILE... prints, for each vector of each file, what its body holds.
"use strict";
const fs = require("fs");
const zlib = require("zlib");

// --- Manifest: msgpack, as much of it as a manifest uses ---------------------------------------
function msgpack(bytes) {
  let at = 0;
  const uint = (size) => { at += size; return bytes.readUIntBE(at - size, size); };
  const slice = (size) => { at += size; return bytes.subarray(at - size, at); };
  const list = (size) => Array.from({ length: size }, value);
  const text = (size) => slice(size).toString("utf8");
  function value() {
    const tag = uint(1);
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 256;
    if ((tag & 0xf0) === 0x90) return list(tag & 15);
    if ((tag & 0xe0) === 0xa0) return text(tag & 31);
    switch (tag) {
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return slice(uint(1));
      case 0xcc: return uint(1);
      case 0xcd: return uint(2);
      case 0xce: return uint(4);
      case 0xcf: return slice(8).readBigUInt64BE();
      case 0xd0: return slice(1).readInt8();
      case 0xd1: return slice(2).readInt16BE();
      case 0xd2: return slice(4).readInt32BE();
      case 0xd3: return slice(8).readBigInt64BE();
      case 0xd9: return text(uint(1));
      case 0xda: return text(uint(2));
      case 0xdc: return list(uint(2));
      default: throw new Error(`msgpack tag ${tag}`);
    }
  }
  return value();
}

function openManifest(packed) {
  const content = packed.subarray(1);
  const [bootId, sensors] = msgpack(packed[0] === 1 ? zlib.inflateRawSync(content) : content);
  return {
    bootId: bootId.toString("hex"),
    sensors: sensors.map(([address, name, room, role, model, contract, period, tracks]) => ({
      named: [address, name, room, role, model, contract, period],
      tracks: tracks.map(([event, tickMs, periodUs, skip, noise, quantities]) => ({
        event, noise, tickMs: BigInt(tickMs), periodUs: BigInt(periodUs), skip: BigInt(skip), quantities,
      })),
    })),
  };
}

// --- Coder ---------------------------------------------------------------------------------------
const RATE = [1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5];
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const KNOWN = [
  "BFbeHB", "MNYjSckRGB", "bbjiQdTRE", "1w1nqgPLDB", "yq0nsmULCIJ", "uozmwykPELNO",
  "+9+m12rZFBB", "....7777QQ", "LPGBFTSKC", "+/+f360lREE5//v2K", "///.i961maw////nI", "///.f///+//30mSVUB",
  "JQQBMIDVw", "....///+++////lZMJE", "..../////////341zvr", "....7/972r//+8/971o", "..../////////9+9977", "..../+f/yH0/B",
  "....V3xtpebSI", "....s8+73yodVBtxmB", "....zHMM", "....wyyyyyyyyyyyyyy", "....vEBf", "C/BB.4iBm",
];
const BLOCK = 114;
const Q = (n) => 23 * BLOCK + n;

class Payload {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
    this.rawAt = 0;
    this.low = 0;
    this.high = 0xffffffff;
    this.x = 0;
    for (let i = 0; i < 4; i++) this.x = this.x * 256 + this.next();
    this.p = new Array(23 * BLOCK + 9).fill(32768);
    this.age = new Array(23 * BLOCK + 9).fill(0);
    KNOWN.forEach((row, block) => [...row].forEach((digit, i) => {
      if (digit === ".") return;
      this.p[block * BLOCK + i] = 1024 * DIGITS.indexOf(digit);
      this.age[block * BLOCK + i] = 4;
    }));
  }

  next() { return this.at < this.bytes.length ? this.bytes[this.at++] : 0; }

  ask(context) {
    const p = this.p[context];
    const rate = RATE[this.age[context]];
    const mid = this.low + Math.floor(((this.high - this.low) * p) / 65536);
    const answer = this.x <= mid ? 1 : 0;
    if (answer) { this.high = mid; this.p[context] = p + ((65536 - p) >> rate); }
    else { this.low = mid + 1; this.p[context] = p - (p >> rate); }
    this.age[context] = Math.min(this.age[context] + 1, 24);
    while (this.low >>> 24 === this.high >>> 24) {
      this.low = (this.low << 8) >>> 0;
      this.high = ((this.high << 8) | 255) >>> 0;
      this.x = ((this.x << 8) | this.next()) >>> 0;
    }
    return answer;
  }

  raw(count) {
    if (this.rawAt + count > 8 * this.bytes.length) throw new Error("too few raw bits");
    let value = 0n;
    for (let i = 0; i < count; i++, this.rawAt++) {
      const byte = this.bytes[this.bytes.length - 1 - (this.rawAt >> 3)];
      if ((byte >> (this.rawAt & 7)) & 1) value |= 1n << BigInt(i);
    }
    return value;
  }

  // --- Numbers ---
  positive(b) {
    const base = b * BLOCK;
    let n = 0;
    while (n < 15 && this.ask(base + 4 + n)) n++;
    if (n === 15) n += Number(this.raw(6));
    const top = n === 1 ? 19 : n === 2 ? 20 : 23 + 7 * (Math.min(n, 15) - 3);
    let v = 1;
    for (let i = 0; i < Math.min(n, 3); i++) v = 2 * v + this.ask(base + top + v - 1);
    return n > 3 ? (BigInt(v) << BigInt(n - 3)) | this.raw(n - 3) : BigInt(v);
  }

  unsigned(b) { return this.positive(b) - 1n; }

  signed(b, m) {
    let s = 0;
    const magnitudes = [];
    for (let i = 0; i < m; i++) {
      if (this.ask(b * BLOCK + s)) { magnitudes.push(this.positive(b)); s = 2; }
      else { magnitudes.push(0n); s = s === 0 ? 0 : 1; }
    }
    return magnitudes.map((v) => (v !== 0n && this.ask(b * BLOCK + 3) ? -v : v));
  }

  // --- Columns ---
  columns(manifest, start) {
    const readings = [];
    manifest.sensors.forEach(({ tracks }, sensor) => {
      let quantity = 0;
      for (const track of tracks) {
        const rows = Number(this.unsigned(track.event ? 18 : 17));
        if (rows) this.track(track, rows, start, (i, at, value) => readings.push([sensor, quantity + i, at, value]));
        quantity += track.quantities.length;
      }
    });
    return readings.sort((a, b) => (a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : 0));
  }

  track(track, rows, start, put) {
    const { quantities } = track;
    const all = Array.from({ length: rows }, (_, i) => i);
    const full = (1n << BigInt(quantities.length)) - 1n;
    const lacks = all.map(() => quantities.length > 1 && this.ask(Q(0)));
    const has = lacks.map((lacking) => (lacking ? this.raw(quantities.length) : full));
    const columns = quantities.map((quantity, i) => {
      const present = all.filter((row) => (has[row] >> BigInt(i)) & 1n);
      const values = present.length ? this.values(quantity[5], BigInt(quantity[6]), i, present.length) : [];
      return new Map(present.map((row, j) => [row, values[j]]));
    });
    const times = this.times(track, rows, start, columns[0]);
    columns.forEach((column, i) => column.forEach((value, row) => put(i, times[row] * track.tickMs, value)));
  }

  values(spread, recent, i, m) {
    if (spread === 8) {
      let before = "";
      return Array.from({ length: m }, () => (before = this.ask(Q(4)) ? before : this.text()));
    }
    if (spread === 7) {
      if (!this.ask(Q(3))) {
        let state = 0n;
        return Array.from({ length: m }, () => (state ^= BigInt(this.ask(Q(i ? 2 : 1)))));
      }
      spread = 1;
    }
    const f = this.unsigned(19);
    let value = recent + (f & 1n ? -((f + 1n) / 2n) : f / 2n);
    return [value, ...this.signed(spread, m - 1).map((step) => (value += step))];
  }

  text() {
    const bytes = [];
    for (let left = this.unsigned(7); left > 0n; left--) bytes.push(Number(this.raw(8)));
    return Buffer.from(bytes).toString("utf8");
  }

  times(track, rows, start, first) {
    let tick = start / track.tickMs;
    const times = [];
    if (track.event) {
      for (let row = 0; row < rows; row++) {
        const value = first.get(row);
        const quiet = value === undefined || value === 0n || value === "";
        times.push((tick += this.unsigned(row === 0 ? 16 : quiet ? 13 : 14)));
      }
      return times;
    }
    times.push((tick += this.unsigned(15)));
    const k = this.signed(12, rows - 1).map((skipped) => track.skip + skipped);
    const e = this.signed(8 + track.noise, rows - 1);
    k.forEach((periods, i) => times.push((tick += (periods * track.periodUs) / 1000n / track.tickMs + e[i])));
    return times;
  }

  // --- Coverage ---
  coverage(sensors, made, readings) {
    const spans = [];
    let after = made;
    for (let left = this.unsigned(20); left > 0n; left--) {
      const end = after - this.unsigned(21);
      after = end - this.unsigned(21);
      spans.unshift([after, end]);
    }
    if (!this.ask(Q(5))) return { spans, heard: [] };
    const latest = new Map(readings.map(([sensor, , at]) => [sensor, at]));
    const told = Array.from({ length: sensors }, (_, i) => i).filter(() => this.ask(Q(6)));
    const last = told.map((sensor) => {
      if (latest.has(sensor) && !this.ask(Q(8))) return latest.get(sensor);
      return (made / 1000n - this.unsigned(22)) * 1000n;
    });
    return { spans, heard: told.map((sensor, i) => [sensor, last[i], !this.ask(Q(7))]) };
  }
}

// --- Body ------------------------------------------------------------------------------------------
function openBody(bytes, packedManifest) {
  let at = 1;
  const take = (size) => { at += size; return bytes.subarray(at - size, at); };
  const uvarint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const octet = BigInt(take(1)[0]);
      value |= (octet & 127n) << shift;
      if (octet < 128n) return value;
    }
  };
  if (bytes[0] >> 4 !== 3) throw new Error("unknown version");
  const flags = bytes[0] & 15;
  const epoch = take(8).toString("hex");
  const [seq, distance, count, made, back] = [uvarint(), uvarint(), uvarint(), uvarint(), uvarint()];
  const start = (made / 1000n - back) * 1000n;
  let anchor = null;
  if (flags & 4) {
    const quality = take(1)[0];
    const boot = made - uvarint();
    const wall = BigInt(take(6).readUIntBE(0, 6));
    anchor = [wall, boot, quality, uvarint()];
  }
  const chain = flags & 2 ? take(32).toString("hex") : null;
  const origin = flags & 1 ? [take(8).toString("hex"), uvarint(), take(32).toString("hex")] : null;
  const manifest = openManifest(distance === 0n ? take(Number(uvarint())) : packedManifest);
  const payload = new Payload(bytes.subarray(at));
  const readings = payload.columns(manifest, start);
  if (BigInt(readings.length) !== count) throw new Error("another number of readings than claimed");
  const { spans, heard } = payload.coverage(manifest.sensors.length, made, readings);
  const sensors = manifest.sensors.map(({ named, tracks }) => [
    ...named, tracks.flatMap(({ quantities }) => quantities.map((quantity) => quantity.slice(0, 5))),
  ]);
  const stream = flags & 8 ? 1 : 0;
  return { epoch, stream, seq, distance, made, anchor, chain, origin, boot_id: manifest.bootId, sensors, spans, heard, readings };
}

// Whole numbers are printed as text, as JSON's numbers end at 2^53; texts stand in brackets.
const shown = (key, value) => (typeof value === "bigint" ? value.toString() : value);
const marked = (reading) => reading.map((item) => (typeof item === "string" ? [item] : item));
for (const file of process.argv.slice(2)) {
  for (const vector of JSON.parse(fs.readFileSync(file, "utf8"))) {
    const manifest = vector.manifest ? Buffer.from(vector.manifest, "hex") : null;
    const opened = openBody(Buffer.from(vector.body, "hex"), manifest);
    console.log(JSON.stringify({ ...opened, readings: opened.readings.map(marked) }, shown));
  }
}
