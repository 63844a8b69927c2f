/** The launcher's style sheet, applied inside its shadow root only. */

export const LAUNCHER_CSS = `
:host { all: initial; }
.launcher {
  position: fixed; right: 20px; bottom: 20px; right: calc(20px + env(safe-area-inset-right)); bottom: calc(20px + env(safe-area-inset-bottom));
  z-index: 2147483000; width: 58px; height: 58px; padding: 0; border: 0; border-radius: 20px; cursor: pointer;
  background: #0f6b5c; color: #fff; box-shadow: 0 6px 20px rgb(0 0 0 / .25); display: grid; place-items: center;
}
.launcher:hover { background: #0c5a4d; }
.launcher:focus-visible { outline: 3px solid #0b57d0; outline-offset: 3px; }
.launcher svg { width: 28px; height: 28px; fill: currentColor; }
.launcher.covered { display: none; }
.badge {
  position: absolute; top: -6px; right: -6px; min-width: 22px; height: 22px; padding: 0 6px; box-sizing: border-box;
  border-radius: 11px; background: #b3261e; color: #fff; font: 600 13px/22px system-ui, sans-serif; text-align: center;
}
.badge[hidden], .box[hidden] { display: none; }
.box {
  position: fixed; right: 20px; bottom: 92px; z-index: 2147483000; width: min(390px, calc(100vw - 40px));
  height: min(640px, calc(100vh - 120px)); border-radius: 18px; overflow: hidden; background: #f5f6f3;
  box-shadow: 0 12px 48px rgb(0 0 0 / .28); border: 1px solid rgb(128 128 128 / .3);
}
.box iframe { display: block; width: 100%; height: 100%; border: 0; color-scheme: light dark; }
@media (max-width: 480px), (max-height: 480px) {
  .box { inset: 0; width: 100%; height: 100%; height: 100dvh; border-radius: 0; border: 0; }
}
@media (prefers-color-scheme: dark) {
  .box { background: #141917; }
  .launcher { background: #1f8a78; }
}
`;
