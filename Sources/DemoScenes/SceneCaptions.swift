import Imaging
import Samples

/// The wordings of a scene's captions.
enum SceneCaptions {
    /// Three captions per language, in turn: the plain query, a sentence, and one more of another kind.
    static func captions(_ scene: Scene, using draw: inout SeededGenerator) -> [String] {
        let english = distinct(scene, wordings: scene.subjects.count == 1 ? englishOne : englishTwo, using: &draw)
        let chinese = distinct(scene, wordings: scene.subjects.count == 1 ? chineseOne : chineseTwo, using: &draw)
        return zip(english, chinese).flatMap { [$0, $1] }
    }

    private typealias Wording = @Sendable (Scene) -> String

    /// The first wording of the first group, then one of each other group.
    private static func distinct(
        _ scene: Scene, wordings groups: [[Wording]], using draw: inout SeededGenerator
    ) -> [String] {
        groups.map { draw.element(of: $0)(scene) }
    }

    // English ---------------------------------------------------------------------------------------------------------

    private static func thing(_ scene: Scene, _ index: Int = 0) -> String {
        let subject = scene.subjects[index]
        return "\(subject.color.rawValue) \(subject.thing.rawValue)"
    }

    private static func aThing(_ scene: Scene, _ index: Int = 0) -> String {
        let text = thing(scene, index)
        return (text.hasPrefix("orange") ? "an " : "a ") + text
    }

    private static func setting(_ scene: Scene) -> String { scene.setting.phrase(in: .english) }

    private static func place(_ scene: Scene, _ index: Int = 0) -> String {
        scene.subjects[index].place.phrase(in: .english)
    }

    private static func sentence(_ text: String) -> String {
        text.prefix(1).uppercased() + text.dropFirst() + "."
    }

    private static let englishOne: [[Wording]] = [
        [{ $0.combinations[0].query(in: .english) }],
        [
            { "\(aThing($0)) \(setting($0))" },
            { sentence("there is \(aThing($0)) \(setting($0))") },
            { sentence("\(setting($0)), \(aThing($0))") },
            { "a picture of \(aThing($0)) \(setting($0))" },
            { sentence("this picture shows \(aThing($0)) \(setting($0))") },
            { "the \(thing($0)) is \(setting($0))" },
        ],
        [
            { aThing($0) },
            { thing($0) },
            { "\(aThing($0)) \(place($0))" },
            { "\(thing($0)) \(place($0)), \(setting($0))" },
            { sentence("\(aThing($0)) is \(place($0)) \(setting($0))") },
            { sentence("\(setting($0)), \(aThing($0)) \(place($0)) of the picture") },
            { "\($0.subjects[0].thing.rawValue) \(setting($0)), \($0.subjects[0].color.rawValue)" },
        ],
    ]

    private static let englishTwo: [[Wording]] = [
        [{ "\(thing($0)) and \(thing($0, 1)) \(setting($0))" }],
        [
            { "\(aThing($0)) and \(aThing($0, 1)) \(setting($0))" },
            { sentence("there are \(aThing($0)) and \(aThing($0, 1)) \(setting($0))") },
            { "a picture of \(aThing($0, 1)) and \(aThing($0)) \(setting($0))" },
        ],
        [
            { "\(aThing($0)) \(place($0)) and \(aThing($0, 1)) \(place($0, 1))" },
            { sentence("\(setting($0)), \(aThing($0)) is \(place($0)) and \(aThing($0, 1)) \(place($0, 1))") },
            { "\(thing($0)) and \(thing($0, 1))" },
        ],
    ]

    // Chinese ---------------------------------------------------------------------------------------------------------

    private static func noun(_ scene: Scene, _ index: Int = 0) -> String {
        scene.subjects[index].color.name(in: .chinese) + scene.subjects[index].thing.name(in: .chinese)
    }

    private static func countedNoun(_ scene: Scene, _ index: Int = 0) -> String {
        let subject = scene.subjects[index]
        return "一\(subject.thing.classifier)\(subject.color.name(in: .chinese))的\(subject.thing.name(in: .chinese))"
    }

    private static func settingPhrase(_ scene: Scene) -> String { scene.setting.phrase(in: .chinese) }

    private static func placePhrase(_ scene: Scene, _ index: Int = 0) -> String {
        scene.subjects[index].place.phrase(in: .chinese)
    }

    private static let chineseOne: [[Wording]] = [
        [{ $0.combinations[0].query(in: .chinese) }],
        [
            { "\(settingPhrase($0))有\(countedNoun($0))" },
            { "\(countedNoun($0))在\(settingPhrase($0))" },
            { "\(settingPhrase($0))的\(countedNoun($0))" },
            { "图片里，\(settingPhrase($0))有\(countedNoun($0))。" },
            { "这是\(settingPhrase($0))的\(countedNoun($0))。" },
        ],
        [
            { countedNoun($0) },
            { noun($0) },
            { "\(placePhrase($0))有\(countedNoun($0))" },
            { "\(settingPhrase($0))，\(noun($0))在\(placePhrase($0))" },
            { "\(countedNoun($0))在画面\(placePhrase($0))，\(settingPhrase($0))。" },
            {
                "\(settingPhrase($0))的\($0.subjects[0].thing.name(in: .chinese))，\($0.subjects[0].color.name(in: .chinese))的"
            },
        ],
    ]

    private static let chineseTwo: [[Wording]] = [
        [{ "\(settingPhrase($0))的\(noun($0))和\(noun($0, 1))" }],
        [
            { "\(settingPhrase($0))有\(countedNoun($0))和\(countedNoun($0, 1))" },
            { "\(countedNoun($0, 1))和\(countedNoun($0))在\(settingPhrase($0))" },
            { "图片里，\(settingPhrase($0))有\(countedNoun($0))和\(countedNoun($0, 1))。" },
        ],
        [
            { "\(placePhrase($0))是\(countedNoun($0))，\(placePhrase($0, 1))是\(countedNoun($0, 1))" },
            { "\(settingPhrase($0))，\(noun($0))在\(placePhrase($0))，\(noun($0, 1))在\(placePhrase($0, 1))。" },
            { "\(noun($0))和\(noun($0, 1))" },
        ],
    ]
}
