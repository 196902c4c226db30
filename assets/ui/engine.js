(engine) => localStorage.getItem("kling_ui.engine") === "kling" ? "kling" : engine
