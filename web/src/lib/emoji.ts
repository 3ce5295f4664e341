export interface Emoji {
  char: string;
  /** What one writes between colons. */
  name: string;
  /** Other words it is found by. */
  words: string;
}

/** The ones people use; the system's own picker has all others. An emoji, its name, and words it is found by. */
const TABLE = `
👍 thumbsup yes agree like +1
👎 thumbsdown no disagree -1
❤️ heart love
😂 joy laugh tears lol
🎉 tada party celebrate hooray
🚀 rocket ship launch
👀 eyes look watch
🙏 pray thanks please
🔥 fire hot lit
✅ check done ok
👏 clap applause
💯 hundred perfect 100
😀 grinning happy
😃 smiley happy
😄 smile happy
😁 grin
😅 sweat_smile relief
🤣 rofl laugh
🙂 slight_smile
🙃 upside_down silly
😉 wink
😊 blush happy
😇 innocent angel
🥰 adore love hearts
😍 heart_eyes love
🤩 star_struck wow
😘 kiss
😋 yum tasty
😛 tongue
😜 zany wink tongue
🤗 hug
🤔 thinking hmm
🤨 raised_eyebrow doubt
😐 neutral
😑 expressionless
😶 no_mouth silent
🙄 eye_roll
😏 smirk
😬 grimace awkward
😌 relieved
😔 pensive sad
😴 sleeping tired zzz
😷 mask ill
🤒 thermometer ill sick
🤕 bandage hurt
🤢 nauseated sick
🥳 partying birthday
😎 cool sunglasses
🤓 nerd
🧐 monocle inspect
😕 confused
😟 worried
🙁 frown sad
😮 open_mouth wow surprised
😲 astonished shocked
😳 flushed
🥺 pleading
😢 cry sad
😭 sob cry
😱 scream fear
😤 triumph huff
😠 angry
😡 rage angry
🤯 mind_blown exploding
🥶 cold freezing
😈 devil imp
💀 skull dead
💩 poop
🤡 clown
👻 ghost
👽 alien
🤖 robot bot
😺 cat_smile
👋 wave hello bye
🤚 raised_hand stop
👌 ok_hand perfect
✌️ victory peace
🤞 fingers_crossed luck
🤘 rock metal
👈 point_left
👉 point_right
👆 point_up
👇 point_down
✊ fist
👊 punch fistbump
🙌 raised_hands praise
🤝 handshake deal
💪 muscle strong
🧠 brain
🤷 shrug dunno
🤦 facepalm
🙋 raising_hand question
💁 info_person
🧑‍💻 technologist coder
💔 broken_heart
🧡 orange_heart
💛 yellow_heart
💚 green_heart
💙 blue_heart
💜 purple_heart
✨ sparkles new
⭐ star
🌈 rainbow
☀️ sun weather
🌧️ rain weather
❄️ snow cold
⚡ zap lightning fast
☕ coffee tea
🍵 tea cup
🍕 pizza food
🍰 cake birthday
🍎 apple fruit
🍺 beer
🥂 cheers champagne
🎂 birthday cake
🎁 gift present
🏆 trophy win
🥇 gold first
⚽ football soccer
🎵 music note
🎨 art paint
💡 idea bulb
🔧 wrench fix
🔨 hammer build
🐛 bug
🔒 lock secure
🔑 key
📌 pin
📎 paperclip attach
📝 memo note
📅 calendar date
📈 chart_up growth
📉 chart_down
📦 package ship
📣 megaphone announce
🔔 bell notify
⏰ alarm time
⏳ hourglass wait
❓ question
❗ exclamation
⚠️ warning
❌ cross no wrong
➕ plus add
🚫 forbidden no
🚧 construction wip
♻️ recycle
💬 speech comment
🐱 cat
🐶 dog
🦊 fox
🐢 turtle slow
🦄 unicorn
🌱 seedling grow
🌳 tree
🌍 earth world
🏠 home house
✈️ plane travel
🚗 car
🚲 bike
`;

export const EMOJI: readonly Emoji[] = TABLE.trim()
  .split('\n')
  .map((line) => {
    const [char = '', name = '', ...words] = line.split(' ');
    return { char, name, words: words.join(' ') };
  });

/** The ones offered first. */
export const QUICK: readonly string[] = ['👍', '❤️', '😂', '🎉', '👀', '✅'];

/** Whose name begins with what was typed; then whose other words do; then whose name has it within. */
export function findEmoji(typed: string, limit = Infinity): Emoji[] {
  const query = typed.toLowerCase().replace(/^:|:$/g, '');
  if (query === '') return EMOJI.slice(0, limit);
  const rank = ({ name, words }: Emoji): number => {
    if (name.startsWith(query)) return 0;
    if (words.split(' ').some((word) => word.startsWith(query))) return 1;
    return name.includes(query) ? 2 : 3;
  };
  return EMOJI.map((emoji) => ({ emoji, rank: rank(emoji) }))
    .filter((found) => found.rank < 3)
    .sort((a, b) => a.rank - b.rank)
    .slice(0, limit)
    .map((found) => found.emoji);
}

/** What an emoji is called, for those who listen. */
export function emojiName(char: string): string {
  return EMOJI.find((emoji) => emoji.char === char)?.name.replaceAll('_', ' ') ?? char;
}

/** A text with every :name: that is one replaced. What stands in code stays. */
export function withEmoji(text: string): string {
  return text.replace(/(`+)[^]*?\1|(?<![\w:]):([a-z0-9_+-]+):/g, (whole: string, _ticks: unknown, name?: string) =>
    name === undefined ? whole : (EMOJI.find((emoji) => emoji.name === name)?.char ?? whole),
  );
}
