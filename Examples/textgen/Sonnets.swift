// The text that textgen trains on by default: some of the sonnets of William Shakespeare (1609), in modern spelling.

let sonnets = """
  From fairest creatures we desire increase,
  That thereby beauty's rose might never die,
  But as the riper should by time decease,
  His tender heir might bear his memory:
  But thou, contracted to thine own bright eyes,
  Feed'st thy light's flame with self-substantial fuel,
  Making a famine where abundance lies,
  Thyself thy foe, to thy sweet self too cruel.
  Thou that art now the world's fresh ornament
  And only herald to the gaudy spring,
  Within thine own bud buriest thy content
  And, tender churl, makest waste in niggarding.
    Pity the world, or else this glutton be,
    To eat the world's due, by the grave and thee.

  When forty winters shall besiege thy brow,
  And dig deep trenches in thy beauty's field,
  Thy youth's proud livery, so gazed on now,
  Will be a tatter'd weed, of small worth held:
  Then being ask'd where all thy beauty lies,
  Where all the treasure of thy lusty days,
  To say, within thine own deep-sunken eyes,
  Were an all-eating shame and thriftless praise.
  How much more praise deserved thy beauty's use,
  If thou couldst answer 'This fair child of mine
  Shall sum my count and make my old excuse,'
  Proving his beauty by succession thine!
    This were to be new made when thou art old,
    And see thy blood warm when thou feel'st it cold.

  Look in thy glass, and tell the face thou viewest
  Now is the time that face should form another;
  Whose fresh repair if now thou not renewest,
  Thou dost beguile the world, unbless some mother.
  For where is she so fair whose unear'd womb
  Disdains the tillage of thy husbandry?
  Or who is he so fond will be the tomb
  Of his self-love, to stop posterity?
  Thou art thy mother's glass, and she in thee
  Calls back the lovely April of her prime:
  So thou through windows of thine age shall see
  Despite of wrinkles this thy golden time.
    But if thou live, remember'd not to be,
    Die single, and thine image dies with thee.

  Those hours, that with gentle work did frame
  The lovely gaze where every eye doth dwell,
  Will play the tyrants to the very same
  And that unfair which fairly doth excel:
  For never-resting time leads summer on
  To hideous winter and confounds him there;
  Sap check'd with frost and lusty leaves quite gone,
  Beauty o'ersnow'd and bareness every where:
  Then, were not summer's distillation left,
  A liquid prisoner pent in walls of glass,
  Beauty's effect with beauty were bereft,
  Nor it nor no remembrance what it was:
    But flowers distill'd, though they with winter meet,
    Leese but their show; their substance still lives sweet.

  When I do count the clock that tells the time,
  And see the brave day sunk in hideous night;
  When I behold the violet past prime,
  And sable curls all silver'd o'er with white;
  When lofty trees I see barren of leaves
  Which erst from heat did canopy the herd,
  And summer's green all girded up in sheaves
  Borne on the bier with white and bristly beard,
  Then of thy beauty do I question make,
  That thou among the wastes of time must go,
  Since sweets and beauties do themselves forsake
  And die as fast as they see others grow;
    And nothing 'gainst Time's scythe can make defence
    Save breed, to brave him when he takes thee hence.

  When I consider every thing that grows
  Holds in perfection but a little moment,
  That this huge stage presenteth nought but shows
  Whereon the stars in secret influence comment;
  When I perceive that men as plants increase,
  Cheered and check'd even by the self-same sky,
  Vaunt in their youthful sap, at height decrease,
  And wear their brave state out of memory;
  Then the conceit of this inconstant stay
  Sets you most rich in youth before my sight,
  Where wasteful Time debateth with Decay,
  To change your day of youth to sullied night;
    And all in war with Time for love of you,
    As he takes from you, I engraft you new.

  Who will believe my verse in time to come,
  If it were fill'd with your most high deserts?
  Though yet, heaven knows, it is but as a tomb
  Which hides your life and shows not half your parts.
  If I could write the beauty of your eyes
  And in fresh numbers number all your graces,
  The age to come would say 'This poet lies:
  Such heavenly touches ne'er touch'd earthly faces.'
  So should my papers yellow'd with their age
  Be scorn'd like old men of less truth than tongue,
  And your true rights be term'd a poet's rage
  And stretched metre of an antique song:
    But were some child of yours alive that time,
    You should live twice; in it and in my rhyme.

  Shall I compare thee to a summer's day?
  Thou art more lovely and more temperate:
  Rough winds do shake the darling buds of May,
  And summer's lease hath all too short a date:
  Sometime too hot the eye of heaven shines,
  And often is his gold complexion dimm'd;
  And every fair from fair sometime declines,
  By chance or nature's changing course untrimm'd;
  But thy eternal summer shall not fade
  Nor lose possession of that fair thou owest;
  Nor shall Death brag thou wander'st in his shade,
  When in eternal lines to time thou growest:
    So long as men can breathe or eyes can see,
    So long lives this and this gives life to thee.

  Devouring Time, blunt thou the lion's paws,
  And make the earth devour her own sweet brood;
  Pluck the keen teeth from the fierce tiger's jaws,
  And burn the long-lived phoenix in her blood;
  Make glad and sorry seasons as thou fleets,
  And do whate'er thou wilt, swift-footed Time,
  To the wide world and all her fading sweets;
  But I forbid thee one most heinous crime:
  O, carve not with thy hours my love's fair brow,
  Nor draw no lines there with thine antique pen;
  Him in thy course untainted do allow
  For beauty's pattern to succeeding men.
    Yet, do thy worst, old Time: despite thy wrong,
    My love shall in my verse ever live young.

  My glass shall not persuade me I am old,
  So long as youth and thou are of one date;
  But when in thee time's furrows I behold,
  Then look I death my days should expiate.
  For all that beauty that doth cover thee
  Is but the seemly raiment of my heart,
  Which in thy breast doth live, as thine in me:
  How can I then be elder than thou art?
  O, therefore, love, be of thyself so wary
  As I, not for myself, but for thee will;
  Bearing thy heart, which I will keep so chary
  As tender nurse her babe from faring ill.
    Presume not on thy heart when mine is slain;
    Thou gavest me thine, not to give back again.

  As an unperfect actor on the stage
  Who with his fear is put besides his part,
  Or some fierce thing replete with too much rage,
  Whose strength's abundance weakens his own heart,
  So I, for fear of trust, forget to say
  The perfect ceremony of love's rite,
  And in mine own love's strength seem to decay,
  O'ercharged with burden of mine own love's might.
  O, let my books be then the eloquence
  And dumb presagers of my speaking breast,
  Who plead for love and look for recompense
  More than that tongue that more hath more express'd.
    O, learn to read what silent love hath writ:
    To hear with eyes belongs to love's fine wit.

  Let those who are in favour with their stars
  Of public honour and proud titles boast,
  Whilst I, whom fortune of such triumph bars,
  Unlook'd for joy in that I honour most.
  Great princes' favourites their fair leaves spread
  But as the marigold at the sun's eye,
  And in themselves their pride lies buried,
  For at a frown they in their glory die.
  The painful warrior famoused for fight,
  After a thousand victories once foil'd,
  Is from the book of honour razed quite,
  And all the rest forgot for which he toil'd:
    Then happy I, that love and am beloved
    Where I may not remove nor be removed.

  Weary with toil, I haste me to my bed,
  The dear repose for limbs with travel tired;
  But then begins a journey in my head,
  To work my mind, when body's work's expired:
  For then my thoughts, from far where I abide,
  Intend a zealous pilgrimage to thee,
  And keep my drooping eyelids open wide,
  Looking on darkness which the blind do see:
  Save that my soul's imaginary sight
  Presents thy shadow to my sightless view,
  Which, like a jewel hung in ghastly night,
  Makes black night beauteous and her old face new.
    Lo, thus, by day my limbs, by night my mind,
    For thee and for myself no quiet find.

  How can I then return in happy plight,
  That am debarr'd the benefit of rest?
  When day's oppression is not eased by night,
  But day by night, and night by day, oppress'd?
  And each, though enemies to either's reign,
  Do in consent shake hands to torture me;
  The one by toil, the other to complain
  How far I toil, still farther off from thee.
  I tell the day, to please him thou art bright
  And dost him grace when clouds do blot the heaven:
  So flatter I the swart-complexion'd night,
  When sparkling stars twire not thou gild'st the even.
    But day doth daily draw my sorrows longer
    And night doth nightly make grief's strength seem stronger.

  When, in disgrace with fortune and men's eyes,
  I all alone beweep my outcast state
  And trouble deaf heaven with my bootless cries
  And look upon myself and curse my fate,
  Wishing me like to one more rich in hope,
  Featured like him, like him with friends possess'd,
  Desiring this man's art and that man's scope,
  With what I most enjoy contented least;
  Yet in these thoughts myself almost despising,
  Haply I think on thee, and then my state,
  Like to the lark at break of day arising
  From sullen earth, sings hymns at heaven's gate;
    For thy sweet love remember'd such wealth brings
    That then I scorn to change my state with kings.

  When to the sessions of sweet silent thought
  I summon up remembrance of things past,
  I sigh the lack of many a thing I sought,
  And with old woes new wail my dear time's waste:
  Then can I drown an eye, unused to flow,
  For precious friends hid in death's dateless night,
  And weep afresh love's long since cancell'd woe,
  And moan the expense of many a vanish'd sight:
  Then can I grieve at grievances foregone,
  And heavily from woe to woe tell o'er
  The sad account of fore-bemoaned moan,
  Which I new pay as if not paid before.
    But if the while I think on thee, dear friend,
    All losses are restored and sorrows end.

  Thy bosom is endeared with all hearts,
  Which I by lacking have supposed dead,
  And there reigns love and all love's loving parts,
  And all those friends which I thought buried.
  How many a holy and obsequious tear
  Hath dear religious love stol'n from mine eye
  As interest of the dead, which now appear
  But things removed that hidden in thee lie!
  Thou art the grave where buried love doth live,
  Hung with the trophies of my lovers gone,
  Who all their parts of me to thee did give;
  That due of many now is thine alone:
    Their images I loved I view in thee,
    And thou, all they, hast all the all of me.

  If thou survive my well-contented day,
  When that churl Death my bones with dust shall cover,
  And shalt by fortune once more re-survey
  These poor rude lines of thy deceased lover,
  Compare them with the bettering of the time,
  And though they be outstripp'd by every pen,
  Reserve them for my love, not for their rhyme,
  Exceeded by the height of happier men.
  O, then vouchsafe me but this loving thought:
  'Had my friend's Muse grown with this growing age,
  A dearer birth than this his love had brought,
  To march in ranks of better equipage:
    But since he died and poets better prove,
    Theirs for their style I'll read, his for his love.'

  Full many a glorious morning have I seen
  Flatter the mountain-tops with sovereign eye,
  Kissing with golden face the meadows green,
  Gilding pale streams with heavenly alchemy;
  Anon permit the basest clouds to ride
  With ugly rack on his celestial face,
  And from the forlorn world his visage hide,
  Stealing unseen to west with this disgrace:
  Even so my sun one early morn did shine
  With all triumphant splendor on my brow;
  But out, alack! he was but one hour mine;
  The region cloud hath mask'd him from me now.
    Yet him for this my love no whit disdaineth;
    Suns of the world may stain when heaven's sun staineth.

  Why didst thou promise such a beauteous day,
  And make me travel forth without my cloak,
  To let base clouds o'ertake me in my way,
  Hiding thy bravery in their rotten smoke?
  'Tis not enough that through the cloud thou break,
  To dry the rain on my storm-beaten face,
  For no man well of such a salve can speak
  That heals the wound and cures not the disgrace:
  Nor can thy shame give physic to my grief;
  Though thou repent, yet I have still the loss:
  The offender's sorrow lends but weak relief
  To him that bears the strong offence's cross.
    Ah! but those tears are pearl which thy love sheds,
    And they are rich and ransom all ill deeds.

  No more be grieved at that which thou hast done:
  Roses have thorns, and silver fountains mud;
  Clouds and eclipses stain both moon and sun,
  And loathsome canker lives in sweetest bud.
  All men make faults, and even I in this,
  Authorizing thy trespass with compare,
  Myself corrupting, salving thy amiss,
  Excusing thy sins more than thy sins are;
  For to thy sensual fault I bring in sense,
  Thy adverse party is thy advocate,
  And 'gainst myself a lawful plea commence:
  Such civil war is in my love and hate
    That I an accessary needs must be
    To that sweet thief which sourly robs from me.

  Let me confess that we two must be twain,
  Although our undivided loves are one:
  So shall those blots that do with me remain
  Without thy help by me be borne alone.
  In our two loves there is but one respect,
  Though in our lives a separable spite,
  Which though it alter not love's sole effect,
  Yet doth it steal sweet hours from love's delight.
  I may not evermore acknowledge thee,
  Lest my bewailed guilt should do thee shame,
  Nor thou with public kindness honour me,
  Unless thou take that honour from thy name:
    But do not so; I love thee in such sort
    As, thou being mine, mine is thy good report.

  As a decrepit father takes delight
  To see his active child do deeds of youth,
  So I, made lame by fortune's dearest spite,
  Take all my comfort of thy worth and truth.
  For whether beauty, birth, or wealth, or wit,
  Or any of these all, or all, or more,
  Entitled in thy parts do crowned sit,
  I make my love engrafted to this store:
  So then I am not lame, poor, nor despised,
  Whilst that this shadow doth such substance give
  That I in thy abundance am sufficed
  And by a part of all thy glory live.
    Look, what is best, that best I wish in thee:
    This wish I have; then ten times happy me!

  Take all my loves, my love, yea, take them all;
  What hast thou then more than thou hadst before?
  No love, my love, that thou mayst true love call;
  All mine was thine before thou hadst this more.
  Then if for my love thou my love receivest,
  I cannot blame thee for my love thou usest;
  But yet be blamed, if thou thyself deceivest
  By wilful taste of what thyself refusest.
  I do forgive thy robbery, gentle thief,
  Although thou steal thee all my poverty;
  And yet, love knows, it is a greater grief
  To bear love's wrong than hate's known injury.
    Lascivious grace, in whom all ill well shows,
    Kill me with spites; yet we must not be foes.

  When most I wink, then do mine eyes best see,
  For all the day they view things unrespected;
  But when I sleep, in dreams they look on thee,
  And darkly bright are bright in dark directed.
  Then thou, whose shadow shadows doth make bright,
  How would thy shadow's form form happy show
  To the clear day with thy much clearer light,
  When to unseeing eyes thy shade shines so!
  How would, I say, mine eyes be blessed made
  By looking on thee in the living day,
  When in dead night thy fair imperfect shade
  Through heavy sleep on sightless eyes doth stay!
    All days are nights to see till I see thee,
    And nights bright days when dreams do show thee me.

  If the dull substance of my flesh were thought,
  Injurious distance should not stop my way;
  For then despite of space I would be brought,
  From limits far remote, where thou dost stay.
  No matter then although my foot did stand
  Upon the farthest earth removed from thee;
  For nimble thought can jump both sea and land
  As soon as think the place where he would be.
  But ah! thought kills me that I am not thought,
  To leap large lengths of miles when thou art gone,
  But that so much of earth and water wrought
  I must attend time's leisure with my moan,
    Receiving nought by elements so slow
    But heavy tears, badges of either's woe.

  What is your substance, whereof are you made,
  That millions of strange shadows on you tend?
  Since every one hath, every one, one shade,
  And you, but one, can every shadow lend.
  Describe Adonis, and the counterfeit
  Is poorly imitated after you;
  On Helen's cheek all art of beauty set,
  And you in Grecian tires are painted new:
  Speak of the spring and foison of the year;
  The one doth shadow of your beauty show,
  The other as your bounty doth appear;
  And you in every blessed shape we know.
    In all external grace you have some part,
    But you like none, none you, for constant heart.

  O, how much more doth beauty beauteous seem
  By that sweet ornament which truth doth give!
  The rose looks fair, but fairer we it deem
  For that sweet odour which doth in it live.
  The canker-blooms have full as deep a dye
  As the perfumed tincture of the roses,
  Hang on such thorns and play as wantonly
  When summer's breath their masked buds discloses:
  But, for their virtue only is their show,
  They live unwoo'd and unrespected fade,
  Die to themselves. Sweet roses do not so;
  Of their sweet deaths are sweetest odours made:
    And so of you, beauteous and lovely youth,
    When that shall fade, my verse distills your truth.

  Not marble, nor the gilded monuments
  Of princes, shall outlive this powerful rhyme;
  But you shall shine more bright in these contents
  Than unswept stone besmear'd with sluttish time.
  When wasteful war shall statues overturn,
  And broils root out the work of masonry,
  Nor Mars his sword nor war's quick fire shall burn
  The living record of your memory.
  'Gainst death and all-oblivious enmity
  Shall you pace forth; your praise shall still find room
  Even in the eyes of all posterity
  That wear this world out to the ending doom.
    So, till the judgment that yourself arise,
    You live in this, and dwell in lovers' eyes.

  Being your slave, what should I do but tend
  Upon the hours and times of your desire?
  I have no precious time at all to spend,
  Nor services to do, till you require.
  Nor dare I chide the world-without-end hour
  Whilst I, my sovereign, watch the clock for you,
  Nor think the bitterness of absence sour
  When you have bid your servant once adieu;
  Nor dare I question with my jealous thought
  Where you may be, or your affairs suppose,
  But, like a sad slave, stay and think of nought
  Save, where you are how happy you make those.
    So true a fool is love that in your will,
    Though you do any thing, he thinks no ill.

  Like as the waves make towards the pebbled shore,
  So do our minutes hasten to their end;
  Each changing place with that which goes before,
  In sequent toil all forwards do contend.
  Nativity, once in the main of light,
  Crawls to maturity, wherewith being crown'd,
  Crooked eclipses 'gainst his glory fight,
  And Time that gave doth now his gift confound.
  Time doth transfix the flourish set on youth
  And delves the parallels in beauty's brow,
  Feeds on the rarities of nature's truth,
  And nothing stands but for his scythe to mow:
    And yet to times in hope my verse shall stand,
    Praising thy worth, despite his cruel hand.

  Is it thy will thy image should keep open
  My heavy eyelids to the weary night?
  Dost thou desire my slumbers should be broken,
  While shadows like to thee do mock my sight?
  Is it thy spirit that thou send'st from thee
  So far from home into my deeds to pry,
  To find out shames and idle hours in me,
  The scope and tenor of thy jealousy?
  O, no! thy love, though much, is not so great:
  It is my love that keeps mine eye awake;
  Mine own true love that doth my rest defeat,
  To play the watchman ever for thy sake:
    For thee watch I whilst thou dost wake elsewhere,
    From me far off, with others all too near.

  Against my love shall be, as I am now,
  With Time's injurious hand crush'd and o'erworn;
  When hours have drain'd his blood and fill'd his brow
  With lines and wrinkles; when his youthful morn
  Hath travell'd on to age's steepy night,
  And all those beauties whereof now he's king
  Are vanishing or vanish'd out of sight,
  Stealing away the treasure of his spring;
  For such a time do I now fortify
  Against confounding age's cruel knife,
  That he shall never cut from memory
  My sweet love's beauty, though my lover's life:
    His beauty shall in these black lines be seen,
    And they shall live, and he in them still green.

  When I have seen by Time's fell hand defaced
  The rich proud cost of outworn buried age;
  When sometime lofty towers I see down-razed
  And brass eternal slave to mortal rage;
  When I have seen the hungry ocean gain
  Advantage on the kingdom of the shore,
  And the firm soil win of the watery main,
  Increasing store with loss and loss with store;
  When I have seen such interchange of state,
  Or state itself confounded to decay;
  Ruin hath taught me thus to ruminate,
  That Time will come and take my love away.
    This thought is as a death, which cannot choose
    But weep to have that which it fears to lose.

  Since brass, nor stone, nor earth, nor boundless sea,
  But sad mortality o'er-sways their power,
  How with this rage shall beauty hold a plea,
  Whose action is no stronger than a flower?
  O, how shall summer's honey breath hold out
  Against the wreckful siege of battering days,
  When rocks impregnable are not so stout,
  Nor gates of steel so strong, but Time decays?
  O fearful meditation! where, alack,
  Shall Time's best jewel from Time's chest lie hid?
  Or what strong hand can hold his swift foot back?
  Or who his spoil of beauty can forbid?
    O, none, unless this miracle have might,
    That in black ink my love may still shine bright.

  Tired with all these, for restful death I cry,
  As, to behold desert a beggar born,
  And needy nothing trimm'd in jollity,
  And purest faith unhappily forsworn,
  And gilded honour shamefully misplaced,
  And maiden virtue rudely strumpeted,
  And right perfection wrongfully disgraced,
  And strength by limping sway disabled,
  And art made tongue-tied by authority,
  And folly doctor-like controlling skill,
  And simple truth miscall'd simplicity,
  And captive good attending captain ill:
    Tired with all these, from these would I be gone,
    Save that, to die, I leave my love alone.

  No longer mourn for me when I am dead
  Than you shall hear the surly sullen bell
  Give warning to the world that I am fled
  From this vile world, with vilest worms to dwell:
  Nay, if you read this line, remember not
  The hand that writ it; for I love you so
  That I in your sweet thoughts would be forgot
  If thinking on me then should make you woe.
  O, if, I say, you look upon this verse
  When I perhaps compounded am with clay,
  Do not so much as my poor name rehearse,
  But let your love even with my life decay,
    Lest the wise world should look into your moan
    And mock you with me after I am gone.

  That time of year thou mayst in me behold
  When yellow leaves, or none, or few, do hang
  Upon those boughs which shake against the cold,
  Bare ruin'd choirs, where late the sweet birds sang.
  In me thou seest the twilight of such day
  As after sunset fadeth in the west,
  Which by and by black night doth take away,
  Death's second self, that seals up all in rest.
  In me thou see'st the glowing of such fire
  That on the ashes of his youth doth lie,
  As the death-bed whereon it must expire
  Consumed with that which it was nourish'd by.
    This thou perceivest, which makes thy love more strong,
    To love that well which thou must leave ere long.

  But be contented: when that fell arrest
  Without all bail shall carry me away,
  My life hath in this line some interest,
  Which for memorial still with thee shall stay.
  When thou reviewest this, thou dost review
  The very part was consecrate to thee:
  The earth can have but earth, which is his due;
  My spirit is thine, the better part of me:
  So then thou hast but lost the dregs of life,
  The prey of worms, my body being dead,
  The coward conquest of a wretch's knife,
  Too base of thee to be remembered.
    The worth of that is that which it contains,
    And that is this, and this with thee remains.

  Why is my verse so barren of new pride,
  So far from variation or quick change?
  Why with the time do I not glance aside
  To new-found methods and to compounds strange?
  Why write I still all one, ever the same,
  And keep invention in a noted weed,
  That every word doth almost tell my name,
  Showing their birth and where they did proceed?
  O, know, sweet love, I always write of you,
  And you and love are still my argument;
  So all my best is dressing old words new,
  Spending again what is already spent:
    For as the sun is daily new and old,
    So is my love still telling what is told.

  Farewell! thou art too dear for my possessing,
  And like enough thou know'st thy estimate:
  The charter of thy worth gives thee releasing;
  My bonds in thee are all determinate.
  For how do I hold thee but by thy granting?
  And for that riches where is my deserving?
  The cause of this fair gift in me is wanting,
  And so my patent back again is swerving.
  Thyself thou gavest, thy own worth then not knowing,
  Or me, to whom thou gavest it, else mistaking;
  So thy great gift, upon misprision growing,
  Comes home again, on better judgment making.
    Thus have I had thee, as a dream doth flatter,
    In sleep a king, but waking no such matter.

  They that have power to hurt and will do none,
  That do not do the thing they most do show,
  Who, moving others, are themselves as stone,
  Unmoved, cold, and to temptation slow,
  They rightly do inherit heaven's graces
  And husband nature's riches from expense;
  They are the lords and owners of their faces,
  Others but stewards of their excellence.
  The summer's flower is to the summer sweet,
  Though to itself it only live and die,
  But if that flower with base infection meet,
  The basest weed outbraves his dignity:
    For sweetest things turn sourest by their deeds;
    Lilies that fester smell far worse than weeds.

  How like a winter hath my absence been
  From thee, the pleasure of the fleeting year!
  What freezings have I felt, what dark days seen!
  What old December's bareness every where!
  And yet this time removed was summer's time,
  The teeming autumn, big with rich increase,
  Bearing the wanton burden of the prime,
  Like widow'd wombs after their lords' decease:
  Yet this abundant issue seem'd to me
  But hope of orphans and unfather'd fruit;
  For summer and his pleasures wait on thee,
  And, thou away, the very birds are mute;
    Or, if they sing, 'tis with so dull a cheer
    That leaves look pale, dreading the winter's near.

  From you have I been absent in the spring,
  When proud-pied April dress'd in all his trim
  Hath put a spirit of youth in every thing,
  That heavy Saturn laugh'd and leap'd with him.
  Yet nor the lays of birds nor the sweet smell
  Of different flowers in odour and in hue
  Could make me any summer's story tell,
  Or from their proud lap pluck them where they grew;
  Nor did I wonder at the lily's white,
  Nor praise the deep vermilion in the rose;
  They were but sweet, but figures of delight,
  Drawn after you, you pattern of all those.
    Yet seem'd it winter still, and, you away,
    As with your shadow I with these did play.

  My love is strengthen'd, though more weak in seeming;
  I love not less, though less the show appear:
  That love is merchandised whose rich esteeming
  The owner's tongue doth publish every where.
  Our love was new and then but in the spring
  When I was wont to greet it with my lays,
  As Philomel in summer's front doth sing
  And stops her pipe in growth of riper days:
  Not that the summer is less pleasant now
  Than when her mournful hymns did hush the night,
  But that wild music burthens every bough
  And sweets grown common lose their dear delight.
    Therefore like her I sometime hold my tongue,
    Because I would not dull you with my song.

  To me, fair friend, you never can be old,
  For as you were when first your eye I eyed,
  Such seems your beauty still. Three winters cold
  Have from the forests shook three summers' pride,
  Three beauteous springs to yellow autumn turn'd
  In process of the seasons have I seen,
  Three April perfumes in three hot Junes burn'd,
  Since first I saw you fresh, which yet are green.
  Ah! yet doth beauty, like a dial-hand,
  Steal from his figure and no pace perceived;
  So your sweet hue, which methinks still doth stand,
  Hath motion and mine eye may be deceived:
    For fear of which, hear this, thou age unbred;
    Ere you were born was beauty's summer dead.

  Let not my love be call'd idolatry,
  Nor my beloved as an idol show,
  Since all alike my songs and praises be
  To one, of one, still such, and ever so.
  Kind is my love to-day, to-morrow kind,
  Still constant in a wondrous excellence;
  Therefore my verse to constancy confined,
  One thing expressing, leaves out difference.
  'Fair, kind and true' is all my argument,
  'Fair, kind, and true' varying to other words;
  And in this change is my invention spent,
  Three themes in one, which wondrous scope affords.
    'Fair, kind, and true,' have often lived alone,
    Which three till now never kept seat in one.

  When in the chronicle of wasted time
  I see descriptions of the fairest wights,
  And beauty making beautiful old rhyme
  In praise of ladies dead and lovely knights,
  Then, in the blazon of sweet beauty's best,
  Of hand, of foot, of lip, of eye, of brow,
  I see their antique pen would have express'd
  Even such a beauty as you master now.
  So all their praises are but prophecies
  Of this our time, all you prefiguring;
  And, for they look'd but with divining eyes,
  They had not skill enough your worth to sing:
    For we, which now behold these present days,
    Have eyes to wonder, but lack tongues to praise.

  Not mine own fears, nor the prophetic soul
  Of the wide world dreaming on things to come,
  Can yet the lease of my true love control,
  Supposed as forfeit to a confined doom.
  The mortal moon hath her eclipse endured
  And the sad augurs mock their own presage;
  Incertainties now crown themselves assured
  And peace proclaims olives of endless age.
  Now with the drops of this most balmy time
  My love looks fresh, and Death to me subscribes,
  Since, spite of him, I'll live in this poor rhyme,
  While he insults o'er dull and speechless tribes:
    And thou in this shalt find thy monument,
    When tyrants' crests and tombs of brass are spent.

  O, never say that I was false of heart,
  Though absence seem'd my flame to qualify.
  As easy might I from myself depart
  As from my soul, which in thy breast doth lie:
  That is my home of love: if I have ranged,
  Like him that travels I return again,
  Just to the time, not with the time exchanged,
  So that myself bring water for my stain.
  Never believe, though in my nature reign'd
  All frailties that besiege all kinds of blood,
  That it could so preposterously be stain'd,
  To leave for nothing all thy sum of good;
    For nothing this wide universe I call,
    Save thou, my rose; in it thou art my all.

  Let me not to the marriage of true minds
  Admit impediments. Love is not love
  Which alters when it alteration finds,
  Or bends with the remover to remove:
  O no! it is an ever-fixed mark
  That looks on tempests and is never shaken;
  It is the star to every wandering bark,
  Whose worth's unknown, although his height be taken.
  Love's not Time's fool, though rosy lips and cheeks
  Within his bending sickle's compass come:
  Love alters not with his brief hours and weeks,
  But bears it out even to the edge of doom.
    If this be error and upon me proved,
    I never writ, nor no man ever loved.

  No, Time, thou shalt not boast that I do change:
  Thy pyramids built up with newer might
  To me are nothing novel, nothing strange;
  They are but dressings of a former sight.
  Our dates are brief, and therefore we admire
  What thou dost foist upon us that is old,
  And rather make them born to our desire
  Than think that we before have heard them told.
  Thy registers and thee I both defy,
  Not wondering at the present nor the past,
  For thy records and what we see doth lie,
  Made more or less by thy continual haste.
    This I do vow and this shall ever be;
    I will be true, despite thy scythe and thee.

  O thou, my lovely boy, who in thy power
  Dost hold Time's fickle glass, his sickle, hour;
  Who hast by waning grown, and therein show'st
  Thy lovers withering as thy sweet self grow'st;
  If Nature, sovereign mistress over wrack,
  As thou goest onwards, still will pluck thee back,
  She keeps thee to this purpose, that her skill
  May time disgrace and wretched minutes kill.
  Yet fear her, O thou minion of her pleasure!
  She may detain, but not still keep, her treasure:
    Her audit, though delay'd, answer'd must be,
    And her quietus is to render thee.

  In the old age black was not counted fair,
  Or if it were, it bore not beauty's name;
  But now is black beauty's successive heir,
  And beauty slander'd with a bastard shame:
  For since each hand hath put on nature's power,
  Fairing the foul with art's false borrow'd face,
  Sweet beauty hath no name, no holy bower,
  But is profaned, if not lives in disgrace.
  Therefore my mistress' brows are raven black,
  Her eyes so suited, and they mourners seem
  At such who, not born fair, no beauty lack,
  Slandering creation with a false esteem:
    Yet so they mourn, becoming of their woe,
    That every tongue says beauty should look so.

  How oft, when thou, my music, music play'st,
  Upon that blessed wood whose motion sounds
  With thy sweet fingers, when thou gently sway'st
  The wiry concord that mine ear confounds,
  Do I envy those jacks that nimble leap
  To kiss the tender inward of thy hand,
  Whilst my poor lips, which should that harvest reap,
  At the wood's boldness by thee blushing stand!
  To be so tickled, they would change their state
  And situation with those dancing chips,
  O'er whom thy fingers walk with gentle gait,
  Making dead wood more blest than living lips.
    Since saucy jacks so happy are in this,
    Give them thy fingers, me thy lips to kiss.

  My mistress' eyes are nothing like the sun;
  Coral is far more red than her lips' red;
  If snow be white, why then her breasts are dun;
  If hairs be wires, black wires grow on her head.
  I have seen roses damask'd, red and white,
  But no such roses see I in her cheeks;
  And in some perfumes is there more delight
  Than in the breath that from my mistress reeks.
  I love to hear her speak, yet well I know
  That music hath a far more pleasing sound;
  I grant I never saw a goddess go;
  My mistress, when she walks, treads on the ground:
    And yet, by heaven, I think my love as rare
    As any she belied with false compare.

  Thine eyes I love, and they, as pitying me,
  Knowing thy heart torments me with disdain,
  Have put on black and loving mourners be,
  Looking with pretty ruth upon my pain.
  And truly not the morning sun of heaven
  Better becomes the grey cheeks of the east,
  Nor that full star that ushers in the even
  Doth half that glory to the sober west,
  As those two mourning eyes become thy face:
  O, let it then as well beseem thy heart
  To mourn for me, since mourning doth thee grace,
  And suit thy pity like in every part.
    Then will I swear beauty herself is black
    And all they foul that thy complexion lack.

  When my love swears that she is made of truth
  I do believe her, though I know she lies,
  That she might think me some untutor'd youth,
  Unlearned in the world's false subtleties.
  Thus vainly thinking that she thinks me young,
  Although she knows my days are past the best,
  Simply I credit her false speaking tongue:
  On both sides thus is simple truth suppress'd.
  But wherefore says she not she is unjust?
  And wherefore say not I that I am old?
  O, love's best habit is in seeming trust,
  And age in love loves not to have years told:
    Therefore I lie with her and she with me,
    And in our faults by lies we flatter'd be.

  Two loves I have of comfort and despair,
  Which like two spirits do suggest me still:
  The better angel is a man right fair,
  The worser spirit a woman colour'd ill.
  To win me soon to hell, my female evil
  Tempteth my better angel from my side,
  And would corrupt my saint to be a devil,
  Wooing his purity with her foul pride.
  And whether that my angel be turn'd fiend
  Suspect I may, but not directly tell;
  But being both from me, both to each friend,
  I guess one angel in another's hell:
    Yet this shall I ne'er know, but live in doubt,
    Till my bad angel fire my good one out.

  Poor soul, the centre of my sinful earth,
  Fool'd by these rebel powers that thee array,
  Why dost thou pine within and suffer dearth,
  Painting thy outward walls so costly gay?
  Why so large cost, having so short a lease,
  Dost thou upon thy fading mansion spend?
  Shall worms, inheritors of this excess,
  Eat up thy charge? is this thy body's end?
  Then, soul, live thou upon thy servant's loss,
  And let that pine to aggravate thy store;
  Buy terms divine in selling hours of dross;
  Within be fed, without be rich no more:
    So shalt thou feed on Death, that feeds on men,
    And Death once dead, there's no more dying then.

  My love is as a fever, longing still
  For that which longer nurseth the disease,
  Feeding on that which doth preserve the ill,
  The uncertain sickly appetite to please.
  My reason, the physician to my love,
  Angry that his prescriptions are not kept,
  Hath left me, and I desperate now approve
  Desire is death, which physic did except.
  Past cure I am, now reason is past care,
  And frantic-mad with evermore unrest;
  My thoughts and my discourse as madmen's are,
  At random from the truth vainly express'd;
    For I have sworn thee fair and thought thee bright,
    Who art as black as hell, as dark as night.

  O me, what eyes hath Love put in my head,
  Which have no correspondence with true sight!
  Or, if they have, where is my judgment fled,
  That censures falsely what they see aright?
  If that be fair whereon my false eyes dote,
  What means the world to say it is not so?
  If it be not, then love doth well denote
  Love's eye is not so true as all men's 'No.'
  How can it? O, how can Love's eye be true,
  That is so vex'd with watching and with tears?
  No marvel then, though I mistake my view;
  The sun itself sees not till heaven clears.
    O cunning Love! with tears thou keep'st me blind,
    Lest eyes well-seeing thy foul faults should find.

  Canst thou, O cruel! say I love thee not,
  When I against myself with thee partake?
  Do I not think on thee, when I forgot
  Am of myself, all tyrant, for thy sake?
  Who hateth thee that I do call my friend?
  On whom frown'st thou that I do fawn upon?
  Nay, if thou lour'st on me, do I not spend
  Revenge upon myself with present moan?
  What merit do I in myself respect,
  That is so proud thy service to despise,
  When all my best doth worship thy defect,
  Commanded by the motion of thine eyes?
    But, love, hate on, for now I know thy mind;
    Those that can see thou lovest, and I am blind.

  Love is too young to know what conscience is;
  Yet who knows not conscience is born of love?
  Then, gentle cheater, urge not my amiss,
  Lest guilty of my faults thy sweet self prove:
  For, thou betraying me, I do betray
  My nobler part to my gross body's treason;
  My soul doth tell my body that he may
  Triumph in love; flesh stays no father reason;
  But, rising at thy name, doth point out thee
  As his triumphant prize. Proud of this pride,
  He is contented thy poor drudge to be,
  To stand in thy affairs, fall by thy side.
    No want of conscience hold it that I call
    Her 'love' for whose dear love I rise and fall.

  """
