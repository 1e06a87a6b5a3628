/// What a drawn picture shows.
public struct Scene: Hashable, Sendable, Codable {
    /// A thing, its colour and where it is.
    public struct Subject: Hashable, Sendable, Codable {
        /// The thing.
        public let thing: SceneThing
        /// Its colour.
        public let color: SceneColor
        /// Where it is.
        public let place: ScenePlace
    }

    /// Which part of the data set.
    public let split: SceneDataset.Split
    /// Position in that part, from 0.
    public let index: Int
    /// One thing, or two: left and right.
    public let subjects: [Subject]
    /// The setting.
    public let setting: SceneSetting

    /// What the picture is a right answer to: one combination per thing.
    public var combinations: [SceneCombination] {
        subjects.map { SceneCombination(color: $0.color, thing: $0.thing, setting: setting) }
    }

    /// A name that sorts by index and is a good WebDataset key: `train-000012`.
    public var key: String {
        let digits = String(index)
        return "\(split.rawValue)-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    /// The attributes as scalars, for a sample's JSON: `color`, `thing`, `place`, `setting`, and `color2`, `thing2`,
    /// `place2` where there is a second thing.
    public var attributes: [String: String] {
        var attributes = ["setting": setting.rawValue]
        for (number, subject) in subjects.enumerated() {
            let suffix = number == 0 ? "" : "\(number + 1)"
            attributes["color" + suffix] = subject.color.rawValue
            attributes["thing" + suffix] = subject.thing.rawValue
            attributes["place" + suffix] = subject.place.rawValue
        }
        return attributes
    }
}
