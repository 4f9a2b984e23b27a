// Shapes that several modules share. docs/api.md describes those of the REST API and of the server's events.

export type Role = "user" | "assistant";

export interface Correction {
  said: string;
  better: string;
  why?: string;
  /** Position of `said` in the transcript, in characters. */
  start?: number | null;
  end?: number | null;
}

/** Times since the end of the learner's turn, and how reliable a transcript is. */
export interface Measured {
  heard_ms?: number | null;
  thought_ms?: number | null;
  first_audio_ms?: number | null;
  saved_ms?: number | null;
  doubt?: unknown;
  /** Positions of doubtful words, in characters. */
  unsure?: [number, number][];
}

/** A kind of mistake, with the learner's latest sentence that has it. */
export interface Mistake extends Correction {
  id: string;
  sentence: string;
  corrected: string;
  conversation: string;
  audioUrl?: string;
  count: number;
  reviews: number;
  uptakes: number;
  lastAt: number;
  state: "open" | "gone" | "returned" | "reported";
}

export interface Review extends Mistake {
  prompt: string;
  question: string;
}

export interface Judgement {
  outcome: "right" | "wrong" | "unsure" | "shown";
  heard: string;
  corrected: string;
  message: Message;
  notices: string[];
}

export interface Occurrence {
  kind: string;
  at: number;
  text: string;
  outcome?: string;
  audioUrl?: string;
}

export interface Message {
  id: string;
  role: Role;
  content: string;
  corrections?: Correction[];
  interrupted?: boolean;
  measured?: Measured;
  audioS3Key?: string;
  audioUrl?: string;
}

export interface Goal {
  text: string;
  done: boolean;
}

export interface Conversation {
  id: string;
  title: string;
  timestamp: string;
  messages: Message[];
  /** Older clients may have stored anything here. */
  config?: { level?: unknown; topic?: unknown };
  goals?: Goal[];
  callEnded: boolean;
  startTime: number | null;
  endTime: number | null;
  /** In minutes. */
  duration: number | null;
  analysis: unknown;
  /** When it is erased, in ISO 8601. Missing: it is kept for ever. */
  keptUntil?: string;
  storage: string;
}

/** What the learner has chosen. `retentionDays` is null if talks are kept as long as the site keeps them. */
export interface PrivacyChoices {
  keepsAudio: boolean;
  retentionDays: number | null;
  erasingRecordings: boolean;
}

/** A part of an exam. The first one has no opening. */
export interface ExamPart {
  title: string;
  opening: string;
  seconds: number;
  preparationSeconds: number;
}

export interface Scenario {
  parts: ExamPart[];
  id: string;
  title: string;
  level: string;
  kind: string;
  icon: string;
  summary: string;
}

/** A day in the learner's time zone. `date` is of the form 2026-03-02. */
export interface PractisedDay {
  date: string;
  practised: boolean;
}

/** What to do today, from `GET /api/today`. */
export interface Today {
  goal: string | null;
  goals: string[];
  talk: { scenario: string; title: string; level: string; icon: string; why: string };
  review: { due: number; why: string } | null;
  hasTalked: boolean;
  isPlaced: boolean;
  days: PractisedDay[];
}

/** A figure after a talk. The true value is between `low` and `high` in nine cases of ten. */
export interface Estimate {
  at: number;
  value: number;
  low: number;
  high: number;
}

export interface Measure {
  name: string;
  title: string;
  unit: string;
  about: string;
  talks: number;
  latest: Estimate | null;
  change: "higher" | "lower" | "unclear" | null;
  higherIsBetter: boolean | null;
  unmeasured: string | null;
  points: Estimate[];
  svg: string;
}

/** The learner's progress, from `GET /api/progress`. */
export interface Progress {
  unread: number;
  talks: number;
  minutes: number;
  turns: number;
  days: PractisedDay[];
  weeks: { monday: string; minutes: number; turns: number }[];
  weeksSvg: string;
  measures: Measure[];
  levels: { level: string; used: number; met: number }[];
  mistakes: { learning: number; gone: number; returned: number };
}

/** The level that one talk shows, from `GET /api/conversations/ID/placement`. */
export interface Placement {
  level: string | null;
  low: string | null;
  high: string | null;
  words: number;
  evidence: {
    name: string;
    title: string;
    value: number | null;
    unit: string;
    level: string | null;
    unmeasured: string | null;
  }[];
  notMeasured: string[];
}

/** The facts that begin a talk. */
export interface TalkFacts {
  scenario: string;
  level: string;
  /** The learner's own topic, goal, rules and expectations. */
  own: Record<string, string>;
}

/** A recording: in memory, or on the server, where its link expires. */
export interface AudioSource {
  blob?: Blob;
  key?: string;
  url?: string;
}

/** A turn that is shown. */
export interface Turn {
  id: string;
  role: Role;
  element: HTMLElement;
  text: string;
  corrections: Correction[];
  /** Why it could not be checked for mistakes. */
  unchecked: string;
  /** Positions of doubtful words, or null if the transcript is reliable. */
  unsure: { start: number; end: number }[] | null;
  source: AudioSource | null;
  measured: Measured;
  /** Whether the server has saved it. */
  saved: boolean;
}

/** A telephone line for people in despair. `tel` is what a telephone dials. */
export interface CrisisLine {
  name: string;
  number: string;
  tel: string;
  note: string;
}

/** An event of the WebSocket. */
export interface TalkEvent {
  type: string;
  [field: string]: any;
}

/** Send an event. Return false if that is impossible now. */
export type Send = (event: TalkEvent) => boolean;

/** What the server made of an imported entry. See docs/api.md. */
export interface ImportResult {
  state: string;
  error?: string;
  id?: string;
  messages?: number;
  recordings?: number;
  lost?: Lost[];
  /** Messages whose recordings it had no time for. */
  waiting?: string[];
}

/** A part of an imported entry that was not stored. */
export interface Lost {
  message: string | null;
  text: string;
  field: string | null;
  why: string;
}

/** What `GET /api/me` answers. */
export interface OwnData {
  learner: string;
  kept: { conversations: number; recordings: number; bytes: number; bytesLimit: number; minutes: number };
  export: ExportState | null;
  degraded?: boolean;
}

/** An export, and how far it is. Times are in ms. */
export interface ShareLink {
  id: string;
  conversation: string;
  /** Empty: it cannot be read now. */
  title: string;
  wordsOnly: boolean;
  createdAt: number;
  expiresAt: number;
}

export interface ExportState {
  /** The one conversation that it is of. */
  conversation?: string;
  state: "waiting" | "running" | "done" | "failed";
  percent: number;
  size: number;
  unheard: number;
  error?: string;
  keptUntil: number | null;
}

/** An API token without its secret. Times are in ms. */
export interface ApiToken {
  id: string;
  name: string;
  createdAt: number;
  usedAt: number | null;
  expiresAt: number | null;
}

// The scope of microphone-worklet.js
declare global {
  const sampleRate: number;
  class AudioWorkletProcessor {
    readonly port: MessagePort;
  }
  function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
}
