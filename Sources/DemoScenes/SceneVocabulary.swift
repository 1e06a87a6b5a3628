/// Languages that captions are written in.
public enum SceneLanguage: String, Hashable, Sendable, Codable, CaseIterable {
    case english
    case chinese
}

/// The colours of things.
public enum SceneColor: String, Hashable, Sendable, Codable, CaseIterable {
    case red, orange, yellow, green, blue, purple, pink, white

    /// The colour's name; in Chinese with 色.
    public func name(in language: SceneLanguage) -> String {
        guard language == .chinese else { return rawValue }
        switch self {
        case .red: return "红色"
        case .orange: return "橙色"
        case .yellow: return "黄色"
        case .green: return "绿色"
        case .blue: return "蓝色"
        case .purple: return "紫色"
        case .pink: return "粉色"
        case .white: return "白色"
        }
    }
}

/// The things that are drawn.
public enum SceneThing: String, Hashable, Sendable, Codable, CaseIterable {
    case cat, dog, bird, fish, car, boat, house, tree, ball, cup

    /// The thing's name.
    public func name(in language: SceneLanguage) -> String {
        language == .chinese ? chinese.name : rawValue
    }

    /// The Chinese classifier, as in 一只猫.
    var classifier: String { chinese.classifier }

    private var chinese: (name: String, classifier: String) {
        switch self {
        case .cat: ("猫", "只")
        case .dog: ("狗", "只")
        case .bird: ("鸟", "只")
        case .fish: ("鱼", "条")
        case .car: ("汽车", "辆")
        case .boat: ("船", "艘")
        case .house: ("房子", "座")
        case .tree: ("树", "棵")
        case .ball: ("球", "个")
        case .cup: ("杯子", "个")
        }
    }
}

/// Where and when a scene takes place.
public enum SceneSetting: String, Hashable, Sendable, Codable, CaseIterable {
    case sun, rain, night, snow, grass, water

    /// The setting as it follows the thing in English (`in the sun`) or precedes it in Chinese (阳光下).
    public func phrase(in language: SceneLanguage) -> String {
        switch (self, language) {
        case (.sun, .english): "in the sun"
        case (.rain, .english): "in the rain"
        case (.night, .english): "at night"
        case (.snow, .english): "in the snow"
        case (.grass, .english): "on the grass"
        case (.water, .english): "on the water"
        case (.sun, .chinese): "阳光下"
        case (.rain, .chinese): "雨中"
        case (.night, .chinese): "夜里"
        case (.snow, .chinese): "雪中"
        case (.grass, .chinese): "草地上"
        case (.water, .chinese): "水面上"
        }
    }
}

/// Where in the picture a thing is.
public enum ScenePlace: String, Hashable, Sendable, Codable, CaseIterable {
    case left, right, center

    /// The place in words.
    public func phrase(in language: SceneLanguage) -> String {
        switch (self, language) {
        case (.left, .english): "on the left"
        case (.right, .english): "on the right"
        case (.center, .english): "in the middle"
        case (.left, .chinese): "左边"
        case (.right, .chinese): "右边"
        case (.center, .chinese): "中间"
        }
    }
}

/// A colour, a thing and a setting: what the data set holds back from training, and what it asks for.
public struct SceneCombination: Hashable, Sendable, Codable, Comparable {
    /// The colour of the thing.
    public let color: SceneColor
    /// The thing.
    public let thing: SceneThing
    /// The setting.
    public let setting: SceneSetting

    /// A combination.
    public init(color: SceneColor, thing: SceneThing, setting: SceneSetting) {
        self.color = color
        self.thing = thing
        self.setting = setting
    }

    /// All 480 in a fixed order: by colour, thing, setting as declared.
    public static let all: [SceneCombination] = SceneColor.allCases.flatMap { color in
        SceneThing.allCases.flatMap { thing in
            SceneSetting.allCases.map { SceneCombination(color: color, thing: thing, setting: $0) }
        }
    }

    /// The 48 that never occur in the training split, `orange cat in the sun` among them.
    ///
    /// One for each colour and setting, things taken in turn, so that every colour is withheld 6 times, every setting 8
    /// times, every thing 4 to 6 times, and every pair of two attributes still occurs in training.
    public static let withheld: Set<SceneCombination> = Set(
        SceneColor.allCases.enumerated().flatMap { row, color in
            SceneSetting.allCases.enumerated().map { column, setting in
                let things = SceneThing.allCases
                return SceneCombination(
                    color: color, thing: things[(3 * row + 7 * column + 7) % things.count], setting: setting)
            }
        })

    /// What a person would type to find it: `orange cat in the sun`, 阳光下的橙色猫.
    public func query(in language: SceneLanguage) -> String {
        let (color, thing) = (color.name(in: language), thing.name(in: language))
        switch language {
        case .english: return "\(color) \(thing) \(setting.phrase(in: language))"
        case .chinese: return "\(setting.phrase(in: language))的\(color)\(thing)"
        }
    }

    /// The fixed order of `all`.
    public static func < (left: SceneCombination, right: SceneCombination) -> Bool {
        left.position < right.position
    }

    private var position: Int {
        func index<Value: CaseIterable & Equatable>(_ value: Value) -> Int {
            Array(Value.allCases).firstIndex(of: value) ?? 0
        }
        return (index(color) * SceneThing.allCases.count + index(thing)) * SceneSetting.allCases.count + index(setting)
    }
}
