/// Which towers of a dual encoder are wanted: a text search needs no image tower, and does not read one.
public struct EncoderTowers: OptionSet, Sendable {
    /// One bit per tower.
    public let rawValue: Int

    /// The towers of these bits.
    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// Images to embeddings.
    public static let image = EncoderTowers(rawValue: 1)
    /// Texts to embeddings.
    public static let text = EncoderTowers(rawValue: 2)
    /// Both.
    public static let all: EncoderTowers = [.image, .text]

    /// Whether the parameter of this path is needed; those of neither tower always are.
    func needs(_ parameter: String) -> Bool {
        if parameter.hasPrefix("imageTower.") { return contains(.image) }
        if parameter.hasPrefix("textTower.") { return contains(.text) }
        return true
    }
}
