export { CardReader, type CardReaderListener, type CardReaderOptions } from "./card-reader.js";
export { READER_KINDS, type ReaderKind } from "./frames.js";
