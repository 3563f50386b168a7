// Checks in this browser that the entry shown is in the log: RFC 6962, 2.1.1 (RFC 9162, 2.1.3.2).

const verdict = document.getElementById("verdict");
const entry = document.getElementById("entry");

const QUERY = `query Proof($index: Long!, $size: Long!) {
  log { inclusionProof(index: $index, size: $size) { hashes } }
}`;

const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
const base64 = (data) => btoa(String.fromCharCode(...data));

async function hash(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}

const leaf = (data) => hash(Uint8Array.of(0), data);
const node = (left, right) => hash(Uint8Array.of(1), left, right);

// The root that a leaf's hash and its proof lead to. Sizes are below 2^53: no bitwise operators.
export async function rootOf(found, index, size, proof) {
  let [place, last] = [index, size - 1];
  for (const sibling of proof) {
    if (last === 0) throw new Error("the proof is too long");
    if (place % 2 === 1 || place === last) {
      found = await node(sibling, found);
      while (place % 2 === 0 && place !== 0) {
        place = Math.floor(place / 2);
        last = Math.floor(last / 2);
      }
    } else {
      found = await node(found, sibling);
    }
    place = Math.floor(place / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw new Error("the proof is too short");
  return found;
}

// A verifier key (C2SP signed-note): name+id+base64 of the algorithm's byte and the public key.
async function isSigned(note, verifier) {
  const [name, , ...rest] = verifier.trim().split("+");
  const end = note.indexOf("\n\n");
  const [text, lines] = [note.slice(0, end + 1), note.slice(end + 2)];
  const raw = bytes(rest.join("+")).slice(1);
  const key = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
  for (const line of lines.split("\n")) {
    const [dash, signer, data] = line.split(" ");
    if (dash === "—" && signer === name) {
      const signature = bytes(data).slice(4);
      const signed = new TextEncoder().encode(text);
      if (await crypto.subtle.verify("Ed25519", key, signature, signed)) return true;
    }
  }
  return false;
}

async function text(address) {
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${address} answers ${answer.status}`);
  return answer.text();
}

async function check() {
  const note = await text("/log/checkpoint");
  const [origin, size, root] = note.split("\n");
  const index = Number(verdict.dataset.index);
  if (index >= Number(size)) return ["", "It is logged, and not yet in a published checkpoint."];
  const asked = { query: QUERY, variables: { index, size: Number(size) } };
  const answer = await fetch("/graphql", {
    method: "POST",
    credentials: "omit",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(asked),
  });
  const { hashes } = (await answer.json()).data.log.inclusionProof;
  const begun = await leaf(new TextEncoder().encode(entry.textContent));
  const reached = base64(await rootOf(begun, index, Number(size), hashes.map(bytes)));
  if (base64(begun) !== verdict.dataset.leaf) return ["fails", "The entry shown isn’t the one logged."];
  if (reached !== root) return ["fails", "The proof doesn’t lead to the log’s root."];
  const told = (number) => Number(number).toLocaleString("en");
  const found = `Checked in your browser: entry ${told(index)} is in the tree of ${told(size)} entries of ${origin}, by ${hashes.length} hashes`;
  let signed = false;
  try {
    signed = await isSigned(note, await text("/log/key"));
  } catch {
    return ["holds", `${found}. This browser can’t check the checkpoint’s signature.`];
  }
  if (!signed) return ["fails", "The checkpoint isn’t signed by the key under /log/key."];
  return ["holds", `${found}, and the checkpoint is signed by the key under /log/key.`];
}

if (verdict && entry) {
  check().then(
    ([mark, told]) => {
      if (mark) verdict.classList.add(mark);
      verdict.textContent = told;
    },
    () => {
      verdict.textContent = "This browser couldn’t fetch what is needed to check it here.";
    },
  );
}
