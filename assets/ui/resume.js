// An upload that a reload cuts off goes on by itself; Gradio reloads the page whenever a lost connection is there again.
// Until the app has read the file it waits in the browser, for this tab alone. Runs before slot.js, in its scope.
const KEPT_AFTER_MS = 1000; // most files have been read by then, and nothing is written down
const KEPT_MS = 15 * 60 * 1000; // what nobody came back for is removed after that
const RESTORED_MS = 8000; // until then the inputs of before are there again, of which a new file takes the place
const TAB_KEY = "kling_ui.tab";
let keeping = { seq: 0 }; // which file waits, by the number under which it was handed in
let isResumed = false;

function uploadKey() {
  if (!sessionStorage.getItem(TAB_KEY)) sessionStorage.setItem(TAB_KEY, `${Date.now()}-${Math.random()}`);
  return `${sessionStorage.getItem(TAB_KEY)} ${kind}`;
}

// What `ask` asks of the files that wait; undefined where the browser keeps none.
function amongUploads(ask) {
  return new Promise((done) => {
    let opening;
    try { opening = indexedDB.open("kling_ui.uploads", 1); } catch { return done(); } // in frames it may be forbidden
    opening.onupgradeneeded = () => opening.result.createObjectStore("files");
    opening.onerror = opening.onblocked = () => done();
    opening.onsuccess = () => {
      const base = opening.result;
      const change = base.transaction("files", "readwrite");
      const asked = ask(change.objectStore("files"));
      change.oncomplete = () => { base.close(); done(asked.result); };
      change.onabort = () => { base.close(); done(); }; // there is no room
    };
  });
}

function keepUpload(seq, file, recorded) {
  isResumed = true; // there is a newer one
  clearTimeout(keeping.timer);
  const timer = setTimeout(() => amongUploads((files) => files.put({ file, recorded, at: Date.now() }, uploadKey())), KEPT_AFTER_MS);
  keeping = { seq, timer };
}

// The app has it, or it is not wanted any more.
function forgetUpload() {
  clearTimeout(keeping.timer);
  if (keeping.seq) amongUploads((files) => files.delete(uploadKey()));
  keeping = { seq: 0 };
}

async function resumeUpload() {
  if (isResumed) return;
  isResumed = true;
  const left = await amongUploads((files) => files.get(uploadKey()));
  await amongUploads((files) => {
    const all = files.openCursor();
    all.onsuccess = () => {
      const one = all.result;
      if (one && Date.now() - one.value.at > KEPT_MS) one.delete();
      one?.continue();
    };
    return all;
  });
  if (left && Date.now() - left.at < KEPT_MS && element.isConnected && !keeping.seq) send(left.file, left.recorded, true);
}
setTimeout(resumeUpload, RESTORED_MS);
