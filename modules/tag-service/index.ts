export { TagService, type TagServiceOptions } from "./tag-service.js";
export {
  CHALLENGE_UUID,
  DEFAULT_COMPANY_ID,
  type Metadata,
  RESULT_STATES,
  RESULT_UUID,
  SERVICE_UUID,
  TAG_UUID,
} from "./wire.js";
