/// What the matrix products of a dual encoder are computed in.
public enum Precision: String, Sendable, CaseIterable, Codable {
    /// Float32 throughout: the reference.
    case fp32
    /// The products of transformer blocks and of pooling keys and values in 8-bit integers: weights by output channel, activations
    /// by token; patches in 8-bit pixels and weights of 16 bits, attention of images in 16 bits. Products around the attention of texts
    /// are in 16 bits; where a layer norm makes some channels much larger than the rest, those channels stay in Float32, and so does
    /// attention, the products around it are in 16 bits, and of texts all. Convolutional towers stay in Float32.
    case int8
}
