import Imaging
import Samples

/// What happens to an image between decoding and the tower during training, and how strongly.
///
/// Random resized crop, then horizontal flip, then colour jitter; each drawn from a stream of (run seed, epoch, sample
/// id, purpose), so the same sample looks the same in the same epoch of a repeated run, whatever the threads do.
public struct Augmentation: Sendable, Equatable, Codable {
    /// Smallest and largest share of the image's area that a crop keeps; (1, 1) with equal ratios keeps it all.
    public var cropScale: [Double]
    /// Smallest and largest width over height of a crop.
    public var cropRatio: [Double]
    /// Probability of a horizontal flip. Leave it at 0 where captions say left and right, or images hold writing.
    public var flip: Double
    /// Strength of brightness change, as in torchvision's ColorJitter; 0 leaves it.
    public var brightness: Double
    /// Strength of contrast change.
    public var contrast: Double
    /// Strength of saturation change.
    public var saturation: Double
    /// Strength of hue change, up to 0.5.
    public var hue: Double
}
