"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const panel = document.getElementById("panel");
  const root = document.documentElement;
  const text = (i) => data.texts[i];
  let pressed = null; // the button that the panel belongs to
  let resting = "";   // what the panel says with nothing chosen

  // make returns an element; whatever a peer said enters the page as text alone.
  const make = (tag, cls, ...children) => {
    const element = document.createElement(tag);
    if (cls) element.className = cls;
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  };
  const button = (cls, label, act) => {
    const element = make("button", cls, label);
    element.type = "button";
    element.addEventListener("click", act);
    return element;
  };
  const facts = (pairs) => {
    const list = make("dl", "facts");
    for (const [label, value] of pairs) list.append(make("dt", "", label), make("dd", "", ...[value].flat()));
    return list;
  };
  const link = (address) => {
    const element = make("a", "", address);
    element.href = address;
    element.rel = "noreferrer";
    return element;
  };
  // linked has addresses lead somewhere: of what an adapter says, whose author is not who is audited.
  const linked = (string) => string.split(/(https:\/\/[^\s<>()]*[^\s<>().,;:])/).map((part, i) => i % 2 ? link(part) : part);
  const ours = ["remedy", "reported"]; // not "no remedy", which may tell what the peer said
  const named = (pairs) => facts(pairs.map(([label, value]) =>
    [text(label), ours.includes(text(label)) ? linked(text(value)) : text(value)]));
  const time = (micros) => micros < 10000 ? (micros / 1000).toFixed(1) + " ms"
    : micros < 1e6 ? Math.round(micros / 1000) + " ms" : (micros / 1e6).toFixed(2) + " s";
  const count = (n, what) => n + " " + what + (n === 1 ? "" : "s");

  // read names what is in a finding.
  const read = (row) => {
    const [column, kase, version, status, outcome, client, server, means, waiver, repeat, took] = row;
    const [id, summary, expect, cite] = data.cases[kase].map(text);
    return {
      column, kase, id, summary, expect, cite, version: text(version), rank: status, status: data.statuses[status],
      outcome: text(outcome), client: text(client) || "nothing", server: text(server) || "nothing",
      means: text(means), waiver: text(waiver), took,
      repeat: text(repeat).replaceAll("\u0001", () => id).replaceAll("\u0002", () => text(version)),
    };
  };

  // byCase puts the findings of a case together, the worst cases first.
  const byCase = (findings) => {
    const all = new Map();
    for (const f of findings) all.set(f.id, [...(all.get(f.id) || []), f]);
    const worst = (list) => Math.min(...list.map((f) => f.rank));
    return [...all.values()].sort((a, b) => worst(a) - worst(b));
  };

  const copy = async (string, from) => {
    let done = false;
    try {
      await navigator.clipboard.writeText(string);
      done = true;
    } catch {
      const area = make("textarea", "unseen");
      area.value = string;
      document.body.append(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
      from.focus();
    }
    from.textContent = done ? "Copied" : "Not copied";
    setTimeout(() => { from.textContent = "Copy"; }, 1500);
  };
  const command = (string) => {
    const from = button("quiet copy", "Copy", () => copy(string, from));
    const code = make("code", ""); // that a line ends between arguments only
    for (const argument of string.split(" ")) code.append(make("span", "", argument), " ");
    return make("div", "command", code, from);
  };

  // pem is RFC 7468, 3: lines of 64 characters.
  const pem = (base64) => "-----BEGIN CERTIFICATE-----\n" + (base64.match(/.{1,64}/g) || []).join("\n") + "\n-----END CERTIFICATE-----\n";

  const certificate = (i, place) => {
    const one = data.certificates[i];
    const box = make("div", "certificate", make("p", "", place));
    box.append(one.fault ? make("p", "", text(one.fault)) : named(one.facts));
    const more = make("details", "", make("summary", "", "PEM"));
    more.addEventListener("toggle", () => {
      if (more.childElementCount > 1) return;
      const from = button("quiet copy", "Copy", () => copy(pem(one.base64), from));
      more.append(make("pre", "", pem(one.base64)), from);
    });
    box.append(more);
    return box;
  };

  const chain = (peer, id) => {
    const own = data.sent[`${text(peer.run)} ${peer.role} ${id}`];
    const sent = own || data.sent[`${text(peer.run)} ${peer.role} control`];
    if (!sent) return [];
    const head = own ? "Certificates that were sent" : "Certificates that were sent: the good ones of the control";
    const places = (n) => n === 0 ? "Leaf" : sent.length > 2 ? "Intermediate " + n : "Intermediate";
    return [make("h3", "", head), ...sent.map((i, n) => certificate(i, places(n)))];
  };

  // apart shows what differs by version once for each, and what does not once.
  const apart = (list, get) => {
    const values = new Map();
    for (const f of list) values.set(get(f), [...(values.get(get(f)) || []), f.version]);
    return [...values].map(([value, versions]) => [values.size > 1 ? versions.join(", ") : "", value]);
  };
  const label = (what, version) => version ? what + " [" + version + "]" : what;

  const detail = (peer, list) => {
    const first = list[0];
    const box = make("div", "detail");
    box.append(make("p", "", "The adversary " + first.summary + "."));
    for (const [version, means] of apart(list.filter((f) => f.means), (f) => f.means)) {
      const bad = list.some((f) => f.means === means && f.status === "failed");
      box.append(make("p", bad ? "means" : "means other", version ? "TLS " + version + ": " + means : means));
    }
    const rows = list.map((f) => [f.version ? "TLS " + f.version : "outcome", f.outcome + (f.took ? ", " + time(f.took) : "")]);
    rows.push(["expected", first.expect], ["citation", first.cite || "none"]);
    for (const [version, waiver] of apart(list.filter((f) => f.waiver), (f) => f.waiver)) rows.push([label("waived", version), waiver]);
    for (const side of ["client", "server"])
      for (const [version, said] of apart(list, (f) => f[side])) rows.push([label(side + " saw", version), said]);
    box.append(make("h3", "", "What happened"), facts(rows));
    if (list.some((f) => f.status !== "untried")) box.append(...chain(peer, first.id));
    const commands = [...new Set(list.map((f) => f.repeat))].filter(Boolean);
    if (commands.length) box.append(make("h3", "", "Repeat it"), ...commands.map(command));
    return box;
  };

  const caseItem = (peer, list) => {
    const first = list[0];
    const chips = make("span", "chips", ...list.map((f) => make("span", "chip " + f.status, [f.version, f.status].filter(Boolean).join(" "))));
    const item = make("li", "");
    const head = button("case", "", () => {
      const open = head.getAttribute("aria-expanded") !== "true";
      head.setAttribute("aria-expanded", String(open));
      if (open) item.append(detail(peer, list));
      else item.lastElementChild.remove();
      if (open) remember(item.dataset.hash);
    });
    head.append(make("span", "id", first.id), chips, make("span", "what", first.summary));
    head.setAttribute("aria-expanded", "false");
    head.dataset.case = first.id;
    item.append(head);
    return item;
  };

  const remember = (hash) => {
    try { history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search); } catch { /* a file may have no history */ }
  };
  const address = (...parts) => parts.map(encodeURIComponent).join("/");

  const press = (from) => {
    if (pressed) pressed.setAttribute("aria-pressed", "false");
    pressed = from;
    if (pressed) pressed.setAttribute("aria-pressed", "true");
  };
  const show = (from, title, sub, ...content) => {
    press(from);
    const close = button("quiet", "Close", shut);
    close.id = "close";
    panel.replaceChildren(make("header", "", make("h2", "", title), close), make("p", "sub", sub), ...content);
    panel.setAttribute("aria-label", title);
    panel.hidden = false;
    panel.scrollTop = 0;
    panel.focus({ preventScroll: true });
  };
  const rest = () => {
    panel.setAttribute("aria-label", "Details");
    panel.replaceChildren(make("p", "muted", resting));
    panel.hidden = getComputedStyle(panel).position === "fixed";
  };
  const shut = () => {
    const back = pressed;
    press(null);
    remember("");
    rest();
    if (back) back.focus();
  };

  const showGroup = (from) => {
    const peer = data.peers[from.dataset.peer];
    const column = Number(from.dataset.column);
    const name = data.columns[column];
    const list = byCase(peer.findings.map(read).filter((f) => f.column === column));
    const groups = new Map(); // in the order of their worst case
    for (const one of list) {
      const group = one[0].id.split("/")[0];
      if (!groups.has(group)) groups.set(group, make("ul", "cases"));
      const item = caseItem(peer, one);
      item.dataset.hash = address(peer.role, text(peer.name), name, one[0].id);
      groups.get(group).append(item);
    }
    const content = [...groups].flatMap(([group, items]) => [make("h3", "", group), items]);
    show(from, text(peer.name) + ", " + name, from.getAttribute("aria-label").split(": ").pop() + " in " + count(list.length, "case"), ...content);
    remember(address(peer.role, text(peer.name), name));
  };

  // whoGetsIn is what failed, gravest first, as the columns are.
  const whoGetsIn = (peer) => {
    const failed = peer.findings.map(read).filter((f) => f.status === "failed");
    if (!failed.length) return [];
    const content = [make("h3", "", "Who gets in, gravest first")];
    for (const [column, name] of data.columns.entries()) {
      const list = byCase(failed.filter((f) => f.column === column));
      if (!list.length) continue;
      const items = make("ul", "cases");
      for (const one of list) {
        const item = caseItem(peer, one);
        item.dataset.hash = address(peer.role, text(peer.name), name, one[0].id);
        items.append(item);
      }
      content.push(make("p", "who", name + ", by " + count(list.length, "case")), items);
    }
    return content;
  };

  // transcript is what repeats all of that.
  const transcript = (peer) => {
    const commands = [...new Set(peer.findings.map(read).filter((f) => f.status === "failed").map((f) => f.repeat))].filter(Boolean);
    if (!commands.length) return [];
    const all = commands.join("\n") + "\n";
    const from = button("quiet copy", "Copy", () => copy(all, from));
    const more = make("details", "", make("summary", "", "Transcript: " + count(commands.length, "command") + " that repeat it"));
    more.addEventListener("toggle", () => { if (more.childElementCount === 1) more.append(make("pre", "", all), from); });
    return [more];
  };

  const showPeer = (from) => {
    const peer = data.peers[from.dataset.peer];
    const content = [named(peer.facts)];
    if (peer.hint && peer.verdict === "failed") content.push(make("h3", "", "Hint"), make("p", "hint", text(peer.hint)));
    if (peer.authentication) {
      content.push(make("h3", "", "What turns client certificates on"));
      content.push(make("pre", "lines", peer.authentication.map(text).join("\n")));
    }
    if (peer.adjusted) {
      content.push(make("h3", "", "What else is not as it is shipped"));
      content.push(make("pre", "lines", peer.adjusted.map(text).join("\n")));
    }
    content.push(...whoGetsIn(peer), ...transcript(peer));
    if (peer.complaints) content.push(make("h3", "", "Complaints"), make("ul", "plain", ...peer.complaints.map((i) => make("li", "", text(i)))));
    content.push(make("h3", "", "Controls"));
    const items = make("ul", "cases");
    for (const row of peer.controls) {
      const item = caseItem(peer, [read(row)]);
      items.append(item);
    }
    content.push(peer.controls.length ? items : make("p", "muted", "None."));
    show(from, text(peer.name), peer.role + ", " + peer.verdict, ...content);
    remember(address(peer.role, text(peer.name)));
  };

  const showPair = (from) => {
    const pair = data.pairs[from.dataset.pair];
    const [client, server] = pair[0];
    const rows = pair.map(([, , version, status, saw, took]) => [
      "TLS " + text(version), (data.statuses[status] === "passed" ? "delivered" : data.statuses[status]) + (took ? ", " + time(took) : "") + (saw ? ": " + text(saw) : ""),
    ]);
    show(from, text(client) + " to " + text(server), "a plain exchange, with nobody in between", facts(rows));
  };

  // follow opens what the page's address names.
  const follow = () => {
    let parts;
    try { parts = location.hash.slice(1).split("/").map(decodeURIComponent); } catch { return; }
    const [role, name, column, id] = parts;
    const index = data.peers.findIndex((peer) => peer.role === role && text(peer.name) === name);
    if (index < 0) return;
    const at = data.columns.indexOf(column);
    const from = document.querySelector(at < 0 ? `.peer[data-peer="${index}"]` : `[data-peer="${index}"][data-column="${at}"]`);
    if (at < 0) showPeer(from); else showGroup(from);
    if (!id) return;
    for (const head of panel.querySelectorAll(".case")) {
      if (head.dataset.case !== id) continue;
      head.click();
      head.scrollIntoView({ block: "start" });
    }
  };

  // walk moves the focus within a table by the arrow keys.
  const walk = (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const cell = event.target.closest("td, th");
    if (!step || !cell || event.altKey || event.ctrlKey || event.metaKey) return;
    const rows = [...cell.closest("table").rows].filter((row) => !row.hidden && row.querySelector("button"));
    const row = rows[rows.indexOf(cell.parentElement) + step[0]];
    const next = row && row.cells[cell.cellIndex + step[1]];
    const target = next && next.querySelector("button");
    if (!target) return;
    event.preventDefault();
    target.focus();
  };

  // The filters show the rows that all of them want, and how many these are.
  const filters = document.getElementById("filters");
  const rows = [...document.querySelectorAll("#heat tr[data-role]")];
  const of = (row, name) => row.dataset[name].split(name === "in" ? " " : "\u0000").filter(Boolean);
  const filter = () => {
    const wanted = [...filters.elements].filter((one) => one.name && one.value);
    for (const row of rows) row.hidden = !wanted.every((one) => of(row, one.name).includes(one.value));
    for (const body of document.querySelectorAll("#heat tbody")) body.hidden = !body.querySelector("tr[data-role]:not([hidden])");
    const shown = rows.filter((row) => !row.hidden).length;
    filters.querySelector("output").textContent = shown === rows.length ? count(shown, "peer") : shown + " of " + count(rows.length, "peer");
  };
  for (const select of filters.querySelectorAll("select")) {
    const values = [...new Set(rows.flatMap((row) => of(row, select.name)))];
    if (select.name !== "in") values.sort();
    else values.sort((a, b) => data.columns.indexOf(a) - data.columns.indexOf(b));
    select.append(new Option("any", ""), ...values.map((value) => new Option(value, value)));
    select.closest("label").hidden = values.length < 2;
  }
  filters.addEventListener("change", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.hidden = rows.length < 2;
  filter();

  for (const table of document.querySelectorAll("table")) {
    table.addEventListener("keydown", walk);
    table.addEventListener("click", (event) => {
      const from = event.target.closest("button");
      if (!from) return;
      if (from.dataset.pair) showPair(from);
      else if (from.dataset.column) showGroup(from);
      else showPeer(from);
    });
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && pressed) shut(); });
  addEventListener("resize", () => { if (!pressed) rest(); });
  addEventListener("hashchange", follow);

  const theme = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
  const nameTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  try { root.dataset.theme = localStorage.getItem("mtlslab-theme") || ""; } catch { /* a file may have no storage */ }
  if (!root.dataset.theme) delete root.dataset.theme;
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("mtlslab-theme", root.dataset.theme); } catch { /* likewise */ }
    nameTheme();
  });
  dark.addEventListener("change", nameTheme);
  nameTheme();
  theme.hidden = false;

  resting = data.peers.length
    ? "Choose a cell to see its cases, or a peer to see how it was set up. The arrow keys move within a table, and Escape closes what is open."
    : "No peer was audited.";
  rest();
  if (location.hash) follow();
})();
