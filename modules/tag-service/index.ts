export { TagService, type TagServiceOptions } from "./tag-service.js";
export {
  DEFAULT_COMPANY_ID,
  type Metadata,
  RESULT_STATES,
  RESULT_UUID,
  SERVICE_UUID,
  TAG_UUID,
} from "./wire.js";
