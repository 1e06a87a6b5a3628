/// How much of a picture's data is decoded on the way to a model's input.
public enum DecodeMode: String, Hashable, Sendable, Codable, CaseIterable {
    /// All of it that the resized picture depends on: the pixels of the reference pipelines.
    case exact
    /// JPEG at a half, a quarter or an eighth of its size, by libjpeg-turbo's smaller inverse DCT, as long as the short
    /// side stays at least `DecodeMode.minimumOversampling` times what is wanted. Other formats as `exact`.
    case fast

    /// How many times larger than the result a picture stays that is decoded smaller.
    static let minimumOversampling = 1.5

    /// By how much the sides of a JPEG are divided: 1, 2, 4 or 8.
    func scaleDenominator(width: Int, height: Int, targetWidth: Int, targetHeight: Int) -> Int {
        guard self == .fast else { return 1 }
        return [8, 4, 2].first { denominator in
            let least = Self.minimumOversampling * Double(denominator)
            return Double(width) >= least * Double(targetWidth) && Double(height) >= least * Double(targetHeight)
        } ?? 1
    }
}
