"""The books and papers that the entries cite."""

from derivations.textbook.entry import Source


def bishop(section: str) -> Source:
    """Pattern Recognition and Machine Learning."""
    return Source(
        "C. M. Bishop", "Pattern Recognition and Machine Learning (Springer, 2006)", section
    )


def goodfellow(section: str) -> Source:
    """Deep Learning."""
    return Source(
        "I. Goodfellow, Y. Bengio and A. Courville", "Deep Learning (MIT Press, 2016)", section
    )


def hastie(section: str) -> Source:
    """The Elements of Statistical Learning."""
    return Source(
        "T. Hastie, R. Tibshirani and J. Friedman",
        "The Elements of Statistical Learning (2nd edition, Springer, 2009)",
        section,
    )


def nielsen(section: str) -> Source:
    """Neural Networks and Deep Learning."""
    return Source(
        "M. A. Nielsen", "Neural Networks and Deep Learning (Determination Press, 2015)", section
    )


def rudin(section: str) -> Source:
    """Principles of Mathematical Analysis."""
    return Source(
        "W. Rudin",
        "Principles of Mathematical Analysis (3rd edition, McGraw-Hill, 1976)",
        section,
    )


def rumelhart(section: str) -> Source:
    """The paper that made backpropagation known."""
    return Source(
        "D. E. Rumelhart, G. E. Hinton and R. J. Williams",
        "Learning representations by back-propagating errors (Nature 323, 1986)",
        section,
    )


def elfwing(section: str) -> Source:
    """The paper of the sigmoid linear unit."""
    return Source(
        "S. Elfwing, E. Uchibe and K. Doya",
        "Sigmoid-Weighted Linear Units for Neural Network Function Approximation in Reinforcement "
        "Learning (Neural Networks 107, 2018)",
        section,
    )


def misra(section: str) -> Source:
    """The paper of mish."""
    return Source(
        "D. Misra",
        "Mish: A Self Regularized Non-Monotonic Activation Function (BMVC 2020)",
        section,
    )


def shalev_shwartz(section: str) -> Source:
    """Understanding Machine Learning."""
    return Source(
        "S. Shalev-Shwartz and S. Ben-David",
        "Understanding Machine Learning (Cambridge University Press, 2014)",
        section,
    )


def szegedy(section: str) -> Source:
    """The paper of label smoothing."""
    return Source(
        "C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna",
        "Rethinking the Inception Architecture for Computer Vision (CVPR 2016)",
        section,
    )


def barron_celu(section: str) -> Source:
    """The paper of the continuously differentiable exponential linear unit."""
    return Source(
        "J. T. Barron",
        "Continuously Differentiable Exponential Linear Units (2017)",
        section,
    )


def barron_squareplus(section: str) -> Source:
    """The paper of squareplus."""
    return Source(
        "J. T. Barron",
        "Squareplus: A Softplus-Like Algebraic Rectifier (2021)",
        section,
    )


def clevert(section: str) -> Source:
    """The paper of the exponential linear unit."""
    return Source(
        "D.-A. Clevert, T. Unterthiner and S. Hochreiter",
        "Fast and Accurate Deep Network Learning by Exponential Linear Units (ICLR 2016)",
        section,
    )


def dauphin(section: str) -> Source:
    """The paper of the gated linear unit."""
    return Source(
        "Y. N. Dauphin, A. Fan, M. Auli and D. Grangier",
        "Language Modeling with Gated Convolutional Networks (ICML 2017)",
        section,
    )


def glorot_tanh(section: str) -> Source:
    """The paper that compares the soft sign with the sigmoid and tanh."""
    return Source(
        "X. Glorot and Y. Bengio",
        "Understanding the difficulty of training deep feedforward neural networks (AISTATS 2010)",
        section,
    )


def he(section: str) -> Source:
    """The paper of the parametric rectified linear unit."""
    return Source(
        "K. He, X. Zhang, S. Ren and J. Sun",
        "Delving Deep into Rectifiers (ICCV 2015)",
        section,
    )


def hendrycks(section: str) -> Source:
    """The paper of the Gaussian error linear unit."""
    return Source(
        "D. Hendrycks and K. Gimpel",
        "Gaussian Error Linear Units (2016)",
        section,
    )


def howard(section: str) -> Source:
    """The paper of the hard sigmoid and the hard swish."""
    return Source(
        "A. Howard et al.",
        "Searching for MobileNetV3 (ICCV 2019)",
        section,
    )


def klambauer(section: str) -> Source:
    """The paper of the scaled exponential linear unit."""
    return Source(
        "G. Klambauer, T. Unterthiner, A. Mayr and S. Hochreiter",
        "Self-Normalizing Neural Networks (NIPS 2017)",
        section,
    )


def krizhevsky(section: str) -> Source:
    """The report with the rectified linear unit cut off at 6."""
    return Source(
        "A. Krizhevsky",
        "Convolutional Deep Belief Networks on CIFAR-10 (2010)",
        section,
    )


def maas(section: str) -> Source:
    """The paper of the leaky rectified linear unit."""
    return Source(
        "A. L. Maas, A. Y. Hannun and A. Y. Ng",
        "Rectifier Nonlinearities Improve Neural Network Acoustic Models (ICML 2013)",
        section,
    )


def shazeer(section: str) -> Source:
    """The paper of SwiGLU."""
    return Source(
        "N. Shazeer",
        "GLU Variants Improve Transformer (2020)",
        section,
    )


def ba(section: str) -> Source:
    """The paper of layer normalisation."""
    return Source("J. L. Ba, J. R. Kiros and G. E. Hinton", "Layer Normalization (2016)", section)


def ioffe(section: str) -> Source:
    """The paper of batch normalisation, which prints the backward pass."""
    return Source(
        "S. Ioffe and C. Szegedy",
        "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate "
        "Shift (ICML 2015)",
        section,
    )


def wu(section: str) -> Source:
    """The paper of group normalisation."""
    return Source("Y. Wu and K. He", "Group Normalization (ECCV 2018)", section)


def zhang_sennrich(section: str) -> Source:
    """The paper of normalisation by the root mean square."""
    return Source(
        "B. Zhang and R. Sennrich",
        "Root Mean Square Layer Normalization (NeurIPS 2019)",
        section,
    )


def bengio(section: str) -> Source:
    """The paper that made learned rows for words known."""
    return Source(
        "Y. Bengio, R. Ducharme, P. Vincent and C. Jauvin",
        "A Neural Probabilistic Language Model (JMLR 3, 2003)",
        section,
    )


def gehring(section: str) -> Source:
    """The paper with learned rows for positions."""
    return Source(
        "J. Gehring, M. Auli, D. Grangier, D. Yarats and Y. N. Dauphin",
        "Convolutional Sequence to Sequence Learning (ICML 2017)",
        section,
    )


def su(section: str) -> Source:
    """The paper of rotary positions."""
    return Source(
        "J. Su, Y. Lu, S. Pan, A. Murtadha, B. Wen and Y. Liu",
        "RoFormer: Enhanced Transformer with Rotary Position Embedding (2021)",
        section,
    )


def srivastava(section: str) -> Source:
    """The paper of dropout."""
    return Source(
        "N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov",
        "Dropout: A Simple Way to Prevent Neural Networks from Overfitting (JMLR 15, 2014)",
        section,
    )


def vaswani(section: str) -> Source:
    """The paper of the transformer."""
    return Source(
        "A. Vaswani, N. Shazeer, N. Parmar, J. Uszkoreit, L. Jones, A. N. Gomez, L. Kaiser and "
        "I. Polosukhin",
        "Attention Is All You Need (NIPS 2017)",
        section,
    )


def dao(section: str) -> Source:
    """The paper of attention by blocks."""
    return Source(
        "T. Dao, D. Y. Fu, S. Ermon, A. Rudra and C. Ré",
        "FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness "
        "(NeurIPS 2022)",
        section,
    )


def wijmans(section: str) -> Source:
    """The paper of the last layer and the cross-entropy as one operation."""
    return Source(
        "E. Wijmans, B. Huval, A. Hertzberg, V. Koltun and P. Krähenbühl",
        "Cut Your Losses in Large-Vocabulary Language Models (ICLR 2025)",
        section,
    )
