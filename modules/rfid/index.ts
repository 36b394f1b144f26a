export { type CardReaderListener, type CardReaderOptions, openCardReader } from "./card-reader.js";
export { READER_KINDS, type ReaderKind } from "./frames.js";
