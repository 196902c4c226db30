(engine) => { localStorage.setItem("kling_ui.engine", engine); return []; }
