import type { Board, Storage } from "../../../modules/board/index.js";

export type FlashAction = "read" | "write" | "delete";

/** Wraps the board's storage (`SceneOptions.wrapBoard`) and makes the selected operations throw. */
export class FlashFaults {
  fails: (action: FlashAction, key: string) => boolean = () => false;

  readonly wrapBoard = (board: Board): Board => ({
    ...board,
    openStorage: (path) => {
      const own = board.openStorage(path);
      const check = (action: FlashAction, key: string) => {
        if (this.fails(action, key)) throw new Error(`the flash does not ${action}`);
      };
      const storage: Storage = {
        ...own,
        read: (key) => {
          check("read", key);
          return own.read(key);
        },
        write: (key, value) => {
          check("write", key);
          own.write(key, value);
        },
        delete: (key) => {
          check("delete", key);
          own.delete(key);
        },
      };
      return storage;
    },
  });
}
